"""Exemptions: rules that are silenced for one subject until a date, visibly, by a named person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kycrisk.decision import Exemption
from kycrisk.documents import read_document
from kycrisk.normal.email import normal_email
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.signup import Signup

SUBJECTS = ("account", "email", "domain", "ip")


@dataclass(frozen=True, slots=True)
class Exempted:
    """An exemption and the subject that it is for, in normal form."""

    exemption: Exemption
    kind: str  # one of SUBJECTS
    key: str | IPv4Network | IPv6Network

    def covers(self, signup: Signup) -> bool:
        match self.kind, self.key:
            case "account", key:
                return signup.account_id == key
            case "email", key:
                return signup.email.canonical == key
            case "domain", str(key):
                return signup.email.domain == key or signup.email.domain.endswith(f".{key}")
            case "ip", (IPv4Network() | IPv6Network()) as network:
                return signup.ip in network
        raise AssertionError(self.kind)


class Exemptions:
    """All exemptions of a site. An account, mailbox or domain is found by its name, a network by trying each."""

    __slots__ = ("_by_key", "_networks")

    def __init__(self, all_: Sequence[Exempted] = ()) -> None:
        self._by_key: dict[tuple[str, object], list[Exempted]] = {}
        for each in all_:
            if each.kind != "ip":
                self._by_key.setdefault((each.kind, each.key), []).append(each)
        self._networks = [each for each in all_ if each.kind == "ip"]

    def __bool__(self) -> bool:
        return bool(self._by_key or self._networks)

    def all(self) -> tuple[Exempted, ...]:
        """Every exemption, in force or not."""
        return (*(each for found in self._by_key.values() for each in found), *self._networks)

    def all_in_force(self, now: datetime) -> tuple[Exempted, ...]:
        """The exemptions that silence rules now, for whomever."""
        return tuple(each for each in self.all() if each.exemption.until > now)

    def in_force(self, signup: Signup, now: datetime) -> tuple[Exemption, ...]:
        """The exemptions that silence rules for this signup now, one a rule: the one that lasts longest."""
        found = [*self._named(signup), *(each for each in self._networks if each.covers(signup))]
        longest: dict[str, Exemption] = {}
        for each in sorted(found, key=lambda each: each.exemption.until):
            if each.exemption.until > now:
                longest[each.exemption.rule] = each.exemption
        return tuple(longest[rule] for rule in sorted(longest))

    def _named(self, signup: Signup) -> list[Exempted]:
        labels = signup.email.domain.split(".")
        keys: list[tuple[str, object]] = [("account", signup.account_id), ("email", signup.email.canonical)]
        keys += [("domain", ".".join(labels[at:])) for at in range(len(labels))]
        return [each for key in keys for each in self._by_key.get(key, ())]


def subject_key(kind: str, text: str) -> str | IPv4Network | IPv6Network:
    """A subject in the normal form in which signups are compared. Raises `ValueError` with a message."""
    match kind:
        case "account":
            return text
        case "email":
            canonical = normal_email(text).canonical
            if canonical:
                return canonical
            raise ValueError(f"`{text}` is not an e-mail address")
        case "domain":
            domain = normal_email(f"x@{text}").domain
            if "." in domain:
                return domain
            raise ValueError(f"`{text}` is not a domain")
        case "ip":
            try:
                return ip_network(text)
            except ValueError:
                raise ValueError(f"`{text}` is not an address or network") from None
    raise AssertionError(kind)


class EntryForm(BaseModel):
    """One exemption in the file: a rule, exactly one subject, until when, by whom, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rule: str = Field(min_length=1)
    account: str = ""
    email: str = ""
    domain: str = ""
    ip: str = ""
    until: datetime
    by: str = Field(min_length=1)
    reason: str = ""

    @field_validator("until", mode="before")
    @classmethod
    def _until(cls, raw: object) -> datetime:
        try:
            found = datetime.fromisoformat(str(raw))
        except ValueError:
            raise ValueError(f'`{raw}` is not a date\nwrite `"2027-01-31"` in quotes') from None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

    @model_validator(mode="after")
    def _one_subject(self) -> EntryForm:
        kinds = [kind for kind in SUBJECTS if getattr(self, kind)]
        if len(kinds) != 1:
            found = " and ".join(f"`{kind}`" for kind in kinds) or "none"
            raise ValueError(f"an exemption has one subject, this one has {found}\nname one of: {', '.join(SUBJECTS)}")
        subject_key(kinds[0], getattr(self, kinds[0]))
        return self

    def exempted(self) -> Exempted:
        kind = next(kind for kind in SUBJECTS if getattr(self, kind))
        text = getattr(self, kind)
        exemption = Exemption(self.rule, f"{kind} {text}", self.until, self.by, self.reason)
        return Exempted(exemption, kind, subject_key(kind, text))


class FileForm(BaseModel):
    """`exemptions.yaml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    exemptions: list[EntryForm] = Field(default_factory=list)


def read_exempted(path: Path, rules: Collection[str]) -> tuple[Exempted, ...]:
    """The exemptions of a file; none when there is no file. Raises `Problems`, also for rules that do not exist."""
    if not path.exists():
        return ()
    entries = tuple(entry.exempted() for entry in read_document(path, FileForm).exemptions)
    problems = [
        Problem(str(path), f"there is no rule `{rule}` to be exempt from", did_you_mean(rule, rules))
        for rule in dict.fromkeys(each.exemption.rule for each in entries)
        if rule not in rules
    ]
    if problems:
        raise Problems(problems)
    return entries


def read_exemptions(path: Path, rules: Collection[str]) -> Exemptions:
    """The exemptions of a file, ready to be asked. Raises `Problems` like `read_exempted`."""
    return Exemptions(read_exempted(path, rules))
