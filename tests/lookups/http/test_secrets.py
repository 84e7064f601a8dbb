"""Secrets never show themselves, and are taken out of texts in every dress."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import logging
import pickle
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from kycrisk.lookups.secrets import REDACTED, RedactingFilter, Redactor, Secret, guard_logs, unguard_logs

TEXT = "k3y/+ with=ü&\"quotes'"
SECRET = Secret(TEXT)
REDACTOR = Redactor([SECRET, Secret("TV7QRQPGBKF4X3K4")])


@dataclasses.dataclass
class Holder:
    key: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "{}".format(SECRET),  # noqa: UP032
        "%s" % SECRET,  # noqa: UP031
        repr([SECRET]),
        repr({"key": SECRET}),
        repr(Holder(SECRET)),
        str(dataclasses.asdict(Holder(SECRET))),
        json.dumps({"key": SECRET}, default=str),
        repr(copy.deepcopy(Holder(SECRET))),
        repr(ValueError(SECRET)),
    ],
    ids=str,
)
def test_it_never_shows_itself(shown):
    assert TEXT not in shown
    assert REDACTED in shown


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(lambda secret: pickle.dumps({"a": Holder(secret)}, protocol=0), id="pickle inside something"),
        pytest.param(json.dumps, id="json"),
        pytest.param(vars, id="vars"),
        pytest.param("".join, id="join"),
    ],
)
def test_it_cannot_be_written(write):
    with pytest.raises(TypeError):
        write(SECRET)


def test_it_is_itself():
    assert SECRET.reveal() == TEXT
    assert Secret(TEXT) == SECRET
    assert Secret("something else") != SECRET
    assert SECRET != TEXT
    assert hash(Secret(TEXT)) == hash(SECRET)
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy(SECRET) is SECRET


@pytest.mark.parametrize("text", ["", "short", " padded text", "two\nlines of it", "padded text\t"], ids=repr)
def test_what_is_no_secret(text):
    with pytest.raises(ValueError, match="a secret has") as caught:
        Secret(text)
    assert not text or text not in str(caught.value)


class Settings(BaseModel):
    key: Secret


def test_in_settings():
    settings = Settings.model_validate({"key": TEXT})
    assert settings.key.reveal() == TEXT
    assert TEXT not in repr(settings)
    assert settings.model_dump_json() == '{"key":"[redacted]"}'
    with pytest.raises(ValidationError, match="a secret has at least"):
        Settings.model_validate({"key": "x"})


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"https://example.com/json/ip/{quote(TEXT, safe='')}/192.0.2.1",
        f"https://example.com/?key={quote_plus(TEXT)}&a=b",
        quote(TEXT),
        quote(TEXT, safe="").lower(),
        json.dumps({"key": TEXT}),
        json.dumps({"key": TEXT}, ensure_ascii=False),
        repr(TEXT),
        repr({"headers": [(b"Key", TEXT)]}),
        "Authorization: Basic " + base64.b64encode(f"42:{TEXT}".encode()).decode(),
        "Authorization: Basic " + base64.b64encode(f"421:{TEXT}".encode()).decode(),
        "Authorization: Basic " + base64.b64encode(f"4217:{TEXT}:more".encode()).decode(),
        base64.urlsafe_b64encode(f"42:{TEXT}".encode()).decode(),
        "2.0.0.127.tv7qrqpgbkf4x3k4.zen.dq.spamhaus.net",
        "2.0.0.127.tV7qrQPGBKf4x3K4.zen.dq.spamhaus.net",
    ],
)
def test_every_dress(text):
    redacted = REDACTOR.redact(text)
    assert REDACTED in redacted
    for dress in (TEXT, quote(TEXT, safe=""), "tv7qrqpgbkf4x3k4"):
        assert dress.lower() not in redacted.lower()
    core = base64.b64encode(TEXT.encode()).decode()[4:16]
    assert core not in redacted


def test_other_texts_stay():
    assert (
        REDACTOR.redact("nothing to hide at https://example.com/?a=b") == "nothing to hide at https://example.com/?a=b"
    )
    assert Redactor().redact("nothing known") == "nothing known"


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=("C", "Z")), min_size=6, max_size=40),
    st.text(string.ascii_letters + string.digits + ":", max_size=7),
)
def test_base64_wherever_it_begins(text, before):
    encoded = base64.b64encode(f"{before}{text}:".encode()).decode()
    redacted = Redactor([Secret(text)]).redact(encoded)
    assert REDACTED in redacted
    around = len(base64.b64encode(f"{before}:".encode()))  # and up to two characters at each seam
    assert len(redacted.replace(REDACTED, "", 1)) <= around + 4


class Keeping(logging.Handler):
    """Formats records as programs do, and keeps the texts."""

    def __init__(self):
        super().__init__()
        self.texts = []
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def emit(self, record):
        self.texts.append(self.format(record))


@pytest.fixture
def log():
    logger = logging.Logger("test")
    logger.addHandler(handler := Keeping())
    logger.addFilter(RedactingFilter(REDACTOR))
    return logger, handler.texts


def fail():
    raise ValueError(f"cannot ask https://example.com/{TEXT}")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda logger: logger.info(f"key {TEXT}"), id="the message"),
        pytest.param(lambda logger: logger.info("key %s", TEXT), id="an argument"),
        pytest.param(lambda logger: logger.info("keys %r", [TEXT.encode()]), id="inside an argument"),
        pytest.param(lambda logger: logger.info("key %(key)s", {"key": TEXT}), id="arguments by name"),
        pytest.param(lambda logger: logger.log(20, "too many", *[TEXT]), id="an argument without a place"),
        pytest.param(lambda logger: logger.info("stack", stack_info=True, extra={"url": TEXT}), id="an extra field"),
        pytest.param(lambda logger: logger.info("seen", extra={"headers": {"Key": TEXT}}), id="inside an extra field"),
    ],
)
def test_log_records(log, write):
    logger, texts = log
    seen = []
    logger.handlers[0].addFilter(lambda record: seen.append(repr(vars(record))) or True)
    write(logger)
    assert TEXT not in texts[0]
    assert repr(TEXT)[1:-1] not in seen[0]


def test_exceptions_in_logs(log):
    logger, texts = log
    try:
        fail()
    except ValueError:
        logger.exception("failed")
    assert "ValueError: cannot ask https://example.com/[redacted]" in texts[0]
    assert "in fail" in texts[0]
    assert TEXT not in texts[0]


def test_chatty_loggers_are_guarded():
    handler = Keeping()
    other = logging.getLogger("somebody.else")
    for name in ("httpx", "httpcore.http11", "urllib3.connectionpool", "somebody.else"):
        logging.getLogger(name).addHandler(handler)
    redacting = guard_logs(REDACTOR, [handler])
    try:
        for name in ("httpx", "httpcore.http11", "urllib3.connectionpool"):
            logging.getLogger(name).error("GET %s", TEXT)
        other.error("GET %s", TEXT)
    finally:
        unguard_logs(redacting, [handler])
        for name in ("httpx", "httpcore.http11", "urllib3.connectionpool", "somebody.else"):
            logging.getLogger(name).removeHandler(handler)
    assert handler.texts == ["ERROR GET [redacted]"] * 4
    assert redacting not in logging.getLogger("httpx").filters
