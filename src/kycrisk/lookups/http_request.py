"""An HTTP request as clients put it: what to send, what may come back, how often it may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

NONE: Mapping[str, str] = MappingProxyType({})

JSON = ("application/json", "text/json", "text/plain", "+json", "")
ANY_TEXT = ("text/", "application/", "")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HttpRequest:
    """One request. Its URL, headers and fields may hold secrets, so none of them is ever shown.

    `params` are appended to the URL; `form` is sent as `application/x-www-form-urlencoded`, `json` as JSON, `body` as
    it is. `accepts` are the content types that an answer may have: whole ones, prefixes that end in `/`, suffixes that
    begin with `+`, and "" for none named. `repeatable` says that asking twice does no harm (no second charge, no second
    report): then it is sent again, once, when the connection breaks. `redirects` is how many are followed (GET only),
    to the hosts of `hosts` where these are given, to any public host else.
    """

    url: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=lambda: NONE)
    headers: Mapping[str, str] = field(default_factory=lambda: NONE)
    form: Mapping[str, str] | None = None
    json: object = None
    body: bytes | None = None
    accepts: tuple[str, ...] = JSON
    max_bytes: int = 65_536
    repeatable: bool = True
    redirects: int = 0
    hosts: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {urlsplit(self.url).hostname or '?'})"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: status, the content type without its parameters, headers by lower-case name, and the body."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, bytes that are not UTF-8 replaced."""
        return self.body.decode("utf-8", errors="replace")


def accepted(content_type: str, accepts: tuple[str, ...]) -> bool:
    """Whether a content type is among those that may come."""
    return any(
        content_type == each
        or (each.endswith("/") and content_type.startswith(each))
        or (each.startswith("+") and content_type.endswith(each))
        for each in accepts
    )
