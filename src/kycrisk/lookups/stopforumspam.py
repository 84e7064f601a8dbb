"""Stop Forum Spam's API: addresses that have spammed forums.

Not a firewall, 100,000 questions a day, and for commercial systems internal use only: stopforumspam.com/usage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from kycrisk.lookups.answer_field import sorted_out, value_of
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.http import Http, short
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.source import SourceTerms
from kycrisk.personal_data import Personal
from kycrisk.signals import Signal, Subject, Type, Unknown, Value, Why

NAME = "stopforumspam"
ENDPOINT = "https://api.stopforumspam.org/api"
OWN_BLACKLIST = 255  # the frequency that stands for the service's own blacklist


def _signals(part: str, subject: Subject, what: str) -> tuple[Signal, ...]:
    def signal(name: str, type_: Type, question: str, advice: str = "") -> Signal:
        return Signal(f"stopforumspam.{part}_{name}", type_, question, subject, advice=advice)

    return (
        signal("appears", Type.BOOL, f"Does Stop Forum Spam know {what} as a spammer's?", f"use another {what[4:]}"),
        signal("confidence", Type.FLOAT, f"How sure is Stop Forum Spam that {what} is a spammer's, in percent?"),
        signal("frequency", Type.INT, f"How often was {what} reported to Stop Forum Spam?"),
        signal("blacklisted", Type.BOOL, f"Is {what} on Stop Forum Spam's own blacklist?"),
        signal("last_seen", Type.DATETIME, f"When was {what} last reported to Stop Forum Spam?"),
    )


IP_SIGNALS = _signals("ip", Subject.IP, "the IP address")
EMAIL_SIGNALS = _signals("email", Subject.EMAIL, "the e-mail address")
SIGNALS = IP_SIGNALS + EMAIL_SIGNALS
TERMS = SourceTerms(keep=timedelta(hours=6))


class Spammer(NamedTuple):
    """Who is asked about; either may be empty: what is not there was never reported."""

    ip: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopForumSpamSettings:
    """`parts` are what is asked about. With `plain_email` the address itself is sent, which also finds its variants
    (dots, tags); else its MD5, which Stop Forum Spam compares exactly."""

    endpoint: str = ENDPOINT
    parts: tuple[str, ...] = ("ip", "email")
    plain_email: bool = False


class StopForumSpam(Client[Spammer]):
    """Stop Forum Spam's client: both addresses in one question."""

    name = NAME

    def __init__(self, http: Http, settings: StopForumSpamSettings | None = None) -> None:
        self.redactor = http.redactor
        self._http, self._settings = http, settings or StopForumSpamSettings()
        parts = self._settings.parts
        self.signals = (IP_SIGNALS if "ip" in parts else ()) + (EMAIL_SIGNALS if "email" in parts else ())
        email = Personal.EMAIL if self._settings.plain_email else Personal.EMAIL_HASH
        self.sends = frozenset({"ip": Personal.IP.value, "email": email.value}[part] for part in parts)

    def cache_key(self, key: Spammer) -> str:
        return f"{key.ip if 'ip' in self._settings.parts else ''} {self._email(key)}"

    async def _query(self, key: Spammer, deadline: float) -> Asked:
        form = self._form(key)
        if len(form) == 1:
            raise LookupFailure(Why.SKIPPED, "there is nothing to ask about", against_source=False, reached=False)
        request = HttpRequest(url=self._settings.endpoint, method="POST", form=form, max_bytes=16_384)
        answer = await self._http.json(request, deadline)
        if answer.get("success") != 1:
            said = short(str(answer.get("error", "without a reason")))
            raise LookupFailure(Why.REFUSED, f"stop forum spam refuses: {said}", against_source=False)
        found: dict[str, Value | Unknown] = {}
        for part, sent in (("ip", "ip"), ("email", "email" if self._settings.plain_email else "emailhash")):
            if part in self._settings.parts:
                found |= _part(part, answer.get(sent), asked=sent in form)
        return sorted_out(found)

    def _form(self, key: Spammer) -> dict[str, str]:
        form = {"json": "1"}
        if key.ip and "ip" in self._settings.parts:
            form["ip"] = key.ip
        if email := self._email(key):
            form["email" if self._settings.plain_email else "emailhash"] = email
        return form

    def _email(self, key: Spammer) -> str:
        """The address as it is sent: itself, or the MD5 of it in lower case."""
        if not key.email or "email" not in self._settings.parts:
            return ""
        lower = key.email.lower()
        return lower if self._settings.plain_email else hashlib.md5(lower.encode(), usedforsecurity=False).hexdigest()


def _part(part: str, answer: Any, *, asked: bool) -> Mapping[str, Value | Unknown]:
    """The signals of one part of the answer; each part can fail for itself."""
    names = {name: f"stopforumspam.{part}_{name}" for name in _FIELDS}
    if not asked:
        answer = {"appears": 0}
    if isinstance(answer, Mapping) and "error" in answer:
        return dict.fromkeys(names.values(), Unknown(Why.REFUSED, short(str(answer["error"]))))
    if not isinstance(answer, Mapping) or answer.get("appears") not in (0, 1):
        return dict.fromkeys(names.values(), Unknown(Why.MALFORMED_ANSWER, f"there is no answer about the {part}"))
    appears = answer["appears"] == 1
    frequency = value_of(Type.INT, answer.get("frequency", None if appears else 0), "frequency")
    # A confidence comes even with addresses that do not appear (seen 2026-10); it would accuse them.
    confidence = value_of(Type.FLOAT, answer.get("confidence") if appears else 0.0, "confidence")
    blacklisted = frequency == OWN_BLACKLIST or answer.get("blacklisted") in (1, True)
    return {
        names["appears"]: appears,
        names["confidence"]: confidence,
        names["frequency"]: frequency,
        names["blacklisted"]: blacklisted,
        names["last_seen"]: _moment(answer.get("lastseen")),
    }


def not_there(parts: Iterable[str]) -> Asked:
    """The answers about what is not there at all: a private address, an e-mail address that is none."""
    found: dict[str, Value | Unknown] = {}
    for part in parts:
        found |= _part(part, None, asked=False)
    return sorted_out(found)


_FIELDS = ("appears", "confidence", "frequency", "blacklisted", "last_seen")


def _moment(raw: object) -> Value | Unknown:
    """`2026-10-07 05:48:53`, in UTC."""
    if not isinstance(raw, str):
        return Unknown(Why.NOT_PUBLISHED, "lastseen is not in the answer")
    try:
        return datetime.strptime(raw, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return Unknown(Why.MALFORMED_ANSWER, f"lastseen: `{short(raw)}` is not a time")
