"""FraudRecord's API v2 (www.fraudrecord.com/docs/api), as far as its documentation is public: the envelopes.

What the actions are called, and where in a reply the results stand, is shown to members only. So nothing is guessed
here: a site that has read it there says so in `V2Words`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.fraudrecord_v1 import CODE, Report
from kycrisk.lookups.http import short
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.signals import FactError, Type, Why, fact_value

_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)

REFUSAL = (
    "the action names and result fields of FraudRecord's API v2 are not public: use `api: 1`, or name them as the "
    "member pages do"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Words:
    """The words of the API that a member can read: the query's action, and the fields of its reply."""

    query: str
    value: str
    reports: str
    reliability: str
    code: str


def query(endpoint: str, key: Secret, hashes: Mapping[str, str], words: V2Words) -> HttpRequest:
    """The question about a person. It is recorded there, so it is not sent twice. Values are 40 hexadecimal digits."""
    wrong = sorted(name for name, value in hashes.items() if not _HASH.fullmatch(value))
    if wrong:
        raise ValueError(f"not hashed: {', '.join(wrong)}")
    body = {"apiKey": key.reveal(), "action": words.query, "data": dict(hashes)}
    return HttpRequest(url=endpoint, method="POST", json=body, max_bytes=16_384, repeatable=False)


def read_query(reply: Mapping[str, Any], words: V2Words) -> Report:
    """The reply to a query. Raises `LookupFailure`, also for the error envelope."""
    match reply:
        case {"status": "error", "error": {"code": str(code), "message": str(message)}}:
            raise LookupFailure(Why.REFUSED, f"{short(message)} (`{short(code)}`)", against_source=False)
        case {"status": "success"}:
            pass
        case _:
            raise LookupFailure(Why.MALFORMED_ANSWER, "the reply is none that is published")
    try:
        value, reports = (fact_value(Type.INT, reply.get(name)) for name in (words.value, words.reports))
        reliability = fact_value(Type.FLOAT, reply.get(words.reliability))
    except FactError as error:
        raise LookupFailure(Why.MALFORMED_ANSWER, str(error)) from None
    shown = reply.get(words.code)
    if not isinstance(shown, str) or not CODE.fullmatch(shown):
        raise LookupFailure(Why.MALFORMED_ANSWER, f"`{words.code}` is not the code of a report")
    assert isinstance(value, int)
    assert isinstance(reports, int)
    assert isinstance(reliability, float)
    return Report(value, reports, reliability, shown)
