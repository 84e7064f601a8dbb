"""Secrets: values that never show themselves, and the redaction of texts into which they slipped all the same."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import re
import traceback
from collections.abc import Iterable
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

REDACTED = "[redacted]"

#: A shorter text would be found, and blotted out, inside ordinary words.
MIN_LENGTH = 6


class Secret:
    """A key or password from the settings. Only `reveal` gives it; everything else shows `[redacted]`.

    It cannot be pickled or made JSON, and copies are the secret itself. Raises `ValueError` for a text that is too
    short to be one.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if len(text) < MIN_LENGTH:
            raise ValueError(f"a secret has at least {MIN_LENGTH} characters, this one has {len(text)}")
        if not text.isprintable() or text != text.strip():
            raise ValueError("a secret has no blanks around it and no control characters in it")
        self._text = text

    def reveal(self) -> str:
        """The text, to be put into a request and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("secret", self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written anywhere")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """In settings: read from a text, written as `[redacted]`."""
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.union_schema(
            [core_schema.is_instance_schema(cls), from_text],
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


class Redactor:
    """Blots secrets out of texts, in every dress in which they travel.

    As they are, in URLs, in JSON and Python quotes, in any case (names of the DNS have none), and inside base64 (Basic
    authentication, RFC 7617), whatever stands before them there.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Blot these out, too."""
        self._forms |= {form for secret in secrets for form in _forms(secret.reveal())}
        forms = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE) if forms else None

    def redact(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text


def _forms(text: str) -> Iterable[str]:
    yield text
    yield quote(text)
    yield quote(text, safe="")
    yield quote_plus(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    raw = text.encode()
    for before in range(3):  # the three ways to lie across base64's groups of three bytes
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=").decode()
        after = (before + len(raw)) % 3
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (1 if after else 0)]
        if len(inner) >= MIN_LENGTH:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


class RedactingFilter(logging.Filter):
    """Takes secrets out of log records: the message, its arguments, exceptions, stacks and extra fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the record is kept, without secrets."""
        redact = self._redactor.redact
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info:
            if record.exc_info[1] is not None:
                record.exc_text = record.exc_text or "".join(traceback.format_exception(record.exc_info[1])).rstrip()
            record.exc_info = None  # a later formatter would print the exception itself
        for name, value in vars(record).items():
            if isinstance(value, str):
                setattr(record, name, redact(value))
            elif name not in _PLAIN_FIELDS and redact(shown := repr(value)) != shown:
                setattr(record, name, redact(shown))
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit the message: show both, as logging itself would
        return f"{record.msg} {record.args!r}"


_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({})))

#: Loggers of the libraries that our clients stand on; they write URLs and headers. A filter on a logger is not
#: asked about the records of loggers below it, so each is named.
CHATTY_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "urllib3.connectionpool",
    "urllib3.util.retry",
    "requests",
    "asyncio",
    "kycrisk",
)


def guard_logs(redactor: Redactor, handlers: Iterable[logging.Handler] = ()) -> RedactingFilter:
    """Put the filter on the loggers that could write a secret, and on `handlers` (a program's own, for all the rest).

    The filter is returned, so that who replaces the secrets can take it away again (`unguard_logs`).
    """
    redacting = RedactingFilter(redactor)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).addFilter(redacting)
    for handler in handlers:
        handler.addFilter(redacting)
    return redacting


def unguard_logs(redacting: RedactingFilter, handlers: Iterable[logging.Handler] = ()) -> None:
    """Take a filter of `guard_logs` away."""
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).removeFilter(redacting)
    for handler in handlers:
        handler.removeFilter(redacting)
