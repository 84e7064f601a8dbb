"""Templates of URLs and headers: `https://risk.example.com/ip/{ip.address}?key={secret:acme}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

from kycrisk.durations import format_duration
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.secrets import Secret
from kycrisk.signals import Value, Why

MAX_VALUE = 2048
_HOLE = re.compile(r"\{([^{}]*)\}")
_SIGNAL = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+", re.ASCII)
_SECRET = re.compile(r"secret:([A-Za-z0-9_\-]{1,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes. `parts` are literal texts, names of signals and names of secrets, in their order."""

    parts: tuple[tuple[str, str], ...]  # ("text" | "signal" | "secret", what stands there)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it needs, each once, in their order."""
        return tuple(dict.fromkeys(text for kind, text in self.parts if kind == "signal"))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that it needs, each once."""
        return tuple(dict.fromkeys(text for kind, text in self.parts if kind == "secret"))

    def filled(self, values: Mapping[str, str], secrets: Mapping[str, Secret], *, encode: bool) -> str:
        """The text with its holes filled, with `encode` as parts of a URL. Raises `KeyError` for a missing one."""

        def filler(kind: str, text: str) -> str:
            if kind == "text":
                return text
            value = secrets[text].reveal() if kind == "secret" else values[text]
            return quote(value, safe="") if encode else value

        return "".join(filler(kind, text) for kind, text in self.parts)


def parse_template(text: str) -> Template:
    """A template. Raises `ValueError` with a message for a hole that is none."""
    parts: list[tuple[str, str]] = []
    at = 0
    for hole in _HOLE.finditer(text):
        parts.append(("text", text[at : hole.start()]))
        at = hole.end()
        if secret := _SECRET.fullmatch(hole[1]):
            parts.append(("secret", secret[1]))
        elif _SIGNAL.fullmatch(hole[1]):
            parts.append(("signal", hole[1]))
        else:
            help_ = "write `{ip.address}` for a signal, `{secret:name}` for a secret"
            raise ValueError(f"`{hole[0][:60]}` is not a placeholder\n{help_}")
    parts.append(("text", text[at:]))
    if any(kind == "text" and ("{" in each or "}" in each) for kind, each in parts):
        raise ValueError("a brace stands alone\nwrite `%7B` and `%7D` where the URL itself has braces")
    return Template(tuple((kind, each) for kind, each in parts if each or kind != "text"))


def url_host(template: Template, *, plain_http: bool) -> str:
    """The host of a URL's template, in lower case. Raises `ValueError` with a message when it is not a URL to ask."""
    sample = "".join(text if kind == "text" else "{}" for kind, text in template.parts)
    try:
        split = urlsplit(sample)
        host, _ = split.hostname, split.port
    except ValueError:
        raise ValueError("this is not a URL such as `https://risk.example.com/v1/{ip.address}`") from None
    if split.scheme == "http" and not plain_http:
        raise ValueError("the URL is not encrypted\nwrite `https://`, or `plain_http: true` for a service of your own")
    if split.scheme not in ("http", "https") or not host:
        raise ValueError("this is not a URL such as `https://risk.example.com/v1/{ip.address}`")
    if "{" in split.netloc:
        raise ValueError("the host cannot be a placeholder\nwhom to ask must not depend on who signs up")
    if "@" in split.netloc:
        raise ValueError("a user name or password stands in the URL\nput it in a header, as `{secret:name}`")
    if split.fragment:
        raise ValueError("the part behind `#` is never sent")
    return host.lower()


def text_of(value: Value) -> str:
    """A fact as it stands in a URL, before it is encoded. Raises `LookupFailure` for what cannot stand there."""
    match value:
        case bool():
            text = "true" if value else "false"
        case datetime():
            text = value.isoformat()
        case timedelta():
            text = format_duration(value)
        case _:
            text = str(value)
    if not text or len(text) > MAX_VALUE:
        detail = "there is nothing to ask about" if not text else "the value is too long to be asked about"
        raise LookupFailure(Why.SKIPPED, detail, against_source=False, reached=False)
    return text


def climbs(url: str) -> bool:
    """Whether a path holds `.` or `..`, also encoded: servers take these for steps (RFC 3986 section 5.2.4)."""
    return any(unquote(segment) in (".", "..") for segment in urlsplit(url).path.split("/"))
