"""FraudRecord's API v1 as it is published (fraudrecord.com/developers): a form in, a line of text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http_request import ANY_TEXT, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.signals import Why

CODE = re.compile(r"[0-9a-z]{16}", re.ASCII)
_REPORT = re.compile(
    r"<report>([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,2}(?:\.[0-9]{1,3})?)-([0-9a-z]{16})</report>", re.ASCII
)
_OK = re.compile(r"OK:([0-9a-z]{16})", re.ASCII)

# What an error means, and whether all questions would fail with it.
_ERRORS: Mapping[str, tuple[str, bool]] = {
    "ERR:API": ("the API key is not known there", True),
    "ERR:NOT-APPROVED": ("the reporter profile is not approved yet", True),
    "ERR:ACTION": ("the action is not known there", True),
    "ERR:DATA": ("the data is not accepted", False),
    "NODATA": ("no data arrived there", False),
}


class Report(NamedTuple):
    """What is reported about a person: the sum of the reports' values (1 to 10 each), how many there are, how reliable
    that is (0.0 without reports, else 1.0 to 10.0), and the code of the page that shows them."""

    value: int
    reports: int
    reliability: float
    code: str


def query(endpoint: str, key: Secret, hashes: Mapping[str, str]) -> HttpRequest:
    """The question about a person. It is recorded there, so it is not sent twice."""
    return _request(endpoint, key, "query", hashes)


def report(endpoint: str, key: Secret, hashes: Mapping[str, str], *, kind: str, text: str, value: int) -> HttpRequest:
    """A new report about a person, its value between 1 and 10."""
    return _request(endpoint, key, "report", {"_type": kind, "_text": text, "_value": str(value), **hashes})


def delete(endpoint: str, key: Secret, code: str) -> HttpRequest:
    """Take a report back. The field's name is the one that github.com/Dormilich/fraudrecord sends."""
    return _request(endpoint, key, "delete", {"_code": code})


def _request(endpoint: str, key: Secret, action: str, fields: Mapping[str, str]) -> HttpRequest:
    form = {"_action": action, "_api": key.reveal(), **fields}
    return HttpRequest(url=endpoint, method="POST", form=form, accepts=ANY_TEXT, max_bytes=8192, repeatable=False)


def read_query(text: str) -> Report:
    """The reply to a query. Raises `LookupFailure`."""
    found = _REPORT.fullmatch(_reply(text))
    if found is None:
        raise LookupFailure(Why.MALFORMED_ANSWER, "the reply is none that is published")
    value, reports, reliability, code = int(found[1]), int(found[2]), float(found[3]), found[4]
    if not (reliability == 0.0 or 1.0 <= reliability <= 10.0):
        raise LookupFailure(Why.MALFORMED_ANSWER, f"a reliability of {reliability} is none")
    return Report(value, reports, reliability, code)


def read_report(text: str) -> str:
    """The code of the report that was made. Raises `LookupFailure`."""
    found = _OK.fullmatch(_reply(text))
    if found is None:
        raise LookupFailure(Why.MALFORMED_ANSWER, "the reply is none that is published")
    return found[1]


def read_delete(text: str) -> None:
    """The reply to a deletion, of which only the errors are published. Raises `LookupFailure`."""
    _reply(text)


def _reply(text: str) -> str:
    """The reply without blanks around it, when it is not an error or a web page."""
    reply = text.strip()
    if reply[:200].lower().lstrip("\ufeff").startswith(("<html", "<!doctype")):
        raise LookupFailure(Why.MALFORMED_ANSWER, "a web page came in place of a reply")
    if reply in _ERRORS:
        words, against_source = _ERRORS[reply]
        raise LookupFailure(Why.REFUSED, f"{words} (`{reply}`)", against_source=against_source)
    if reply.startswith("ERR:"):
        raise LookupFailure(Why.REFUSED, "the question is refused, for a reason that is not published")
    return reply
