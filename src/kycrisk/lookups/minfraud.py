"""MaxMind minFraud Score, Insights and Factors, through the official SDK (the extra `minfraud`).

The SDK is loaded when a client is made, not with this module: it brings two HTTP stacks and takes 0.3 s.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from kycrisk.lookups.answer_field import sorted_out, value_of
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.secrets import Redactor, Secret
from kycrisk.lookups.source import SourceTerms
from kycrisk.money import FREE, Money
from kycrisk.personal_data import Personal
from kycrisk.problems import Problem, Problems
from kycrisk.signals import Signal, Subject, Type, Why

NAME = "minfraud"

SCORE_SIGNALS = (
    Signal(
        "minfraud.risk_score",
        Type.FLOAT,
        "How likely does minFraud find fraud, in percent (0.01 to 99)?",
        Subject.SIGNUP,
    ),
    Signal(
        "minfraud.ip_risk",
        Type.FLOAT,
        "How risky does minFraud find the IP address, in percent?",
        Subject.IP,
        advice="sign up from another Internet connection",
    ),
    Signal(
        "minfraud.disposition",
        Type.STR,
        "What do the custom rules at MaxMind say: accept, reject, manual_review or test?",
        Subject.SIGNUP,
    ),
)
INSIGHTS_SIGNALS = (
    *SCORE_SIGNALS,
    Signal(
        "minfraud.email_disposable",
        Type.BOOL,
        "Does minFraud find the e-mail address disposable?",
        Subject.EMAIL,
        advice="use an address at a permanent mail provider",
    ),
    Signal("minfraud.email_high_risk", Type.BOOL, "Does minFraud find the e-mail address risky?", Subject.EMAIL),
)
FACTORS_SIGNALS = (
    *INSIGHTS_SIGNALS,
    Signal("minfraud.reasons", Type.STR_SET, "Which reasons does minFraud name for its score?", Subject.SIGNUP),
)
SERVICES: Mapping[str, tuple[Signal, ...]] = MappingProxyType(
    {"score": SCORE_SIGNALS, "insights": INSIGHTS_SIGNALS, "factors": FACTORS_SIGNALS}
)
TERMS = SourceTerms(keep=timedelta(days=1), across_restarts=True, linger=timedelta(seconds=3))

_REGION = re.compile(r"[A-Z0-9]{1,4}", re.ASCII)  # ISO 3166-2 without the country, or it is refused

#: What each part of a signup carries out of the house. The address's domain is sent in plain text in any case.
PARTS: Mapping[str, frozenset[Personal]] = MappingProxyType(
    {
        "ip": frozenset({Personal.IP}),
        "email": frozenset({Personal.EMAIL_HASH, Personal.EMAIL_DOMAIN}),
        "name": frozenset({Personal.NAME}),
        "address": frozenset({Personal.ADDRESS}),
        "phone": frozenset({Personal.PHONE}),
        "user_agent": frozenset({Personal.USER_AGENT}),
        "account": frozenset({Personal.ACCOUNT}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What a signup can be asked about; empty texts are not sent."""

    ip: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""
    user_agent: str = ""
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinFraudSettings:
    """The account, which of the three services is asked, and what is sent.

    With `plain_email` the address is sent as it is, else its MD5 and its domain. `timeout` in seconds bounds every
    step of the SDK's requests; `price` is what an answer costs.
    """

    account_id: int
    key: Secret
    service: str = "score"
    parts: tuple[str, ...] = ("ip", "email")
    plain_email: bool = False
    host: str = "minfraud.maxmind.com"
    timeout: float = 3.0
    price: Money = FREE

    def __post_init__(self) -> None:
        if self.service not in SERVICES:
            raise ValueError(f"minFraud's services are {', '.join(SERVICES)}, not `{self.service}`")
        if unknown := [part for part in self.parts if part not in PARTS]:
            raise ValueError(f"`{unknown[0]}` is nothing that minFraud is asked about; known: {', '.join(PARTS)}")


class SdkAnswer(NamedTuple):
    """What the SDK's models hold of the signals; None where the answer says nothing."""

    risk_score: object
    ip_risk: object
    disposition: object
    email_disposable: object = None
    email_high_risk: object = None
    reasons: object = None


class Sdk(Protocol):
    """The SDK, as far as it is used here. It blocks, so it is called in threads; each thread has its own connection."""

    def ask(self, transaction: Mapping[str, Any]) -> SdkAnswer:
        """Raises `LookupFailure`."""

    def close(self) -> None: ...


def open_sdk(settings: MinFraudSettings) -> Sdk:
    """The SDK. Raises `Problems` when it is not installed."""
    if find_spec("minfraud") is None:
        raise Problems([Problem(NAME, "the SDK is not installed", 'install it with `pip install "kycrisk[minfraud]"`')])
    sdk: Sdk = import_module("kycrisk.lookups.minfraud_sdk").BlockingSdk(settings)
    return sdk


class MinFraud(Client[Transaction]):
    """minFraud's client. A thread that hangs ends by the SDK's own timeout. Close it with `aclose`."""

    name = NAME

    def __init__(self, sdk: Sdk, settings: MinFraudSettings, redactor: Redactor, *, threads: int = 4) -> None:
        self._sdk, self._settings, self.redactor = sdk, settings, redactor
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="minfraud")
        self.signals = SERVICES[settings.service]
        self.price = settings.price
        sends = frozenset().union(*(PARTS[part] for part in settings.parts))
        if settings.plain_email and "email" in settings.parts:
            sends = sends - {Personal.EMAIL_HASH} | {Personal.EMAIL}
        self.sends = frozenset(each.value for each in sends)

    def cache_key(self, key: Transaction) -> str:
        sent = self._sent(key)
        return f"{self._settings.service} {sorted((name, value) for name, value in sent.items() if value)}"

    async def _query(self, key: Transaction, deadline: float) -> Asked:
        sent = self._sent(key)
        if not (sent["ip"] or sent["email"]):
            raise LookupFailure(Why.SKIPPED, "there is nothing to ask about", against_source=False, reached=False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await loop.run_in_executor(self._threads, self._sdk.ask, transaction(sent))
        except TimeoutError:
            raise LookupFailure(Why.TIMEOUT, "minFraud does not answer in time") from None
        raw = answer._asdict()
        return sorted_out(
            {
                signal.name: value_of(signal.type, raw[signal.name.removeprefix("minfraud.")], signal.name)
                for signal in self.signals
            },
            self._settings.price,
        )

    async def aclose(self) -> None:
        """Close the connections. Threads that hang are left to their timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._sdk.close()

    def _sent(self, key: Transaction) -> dict[str, str]:
        """The fields of the parts that are sent, the others empty."""
        parts = {"first_name": "name", "last_name": "name", "company": "name", "account_id": "account"}
        parts |= dict.fromkeys(("address", "city", "region", "postal_code", "country"), "address")
        names = [each.name for each in fields(Transaction)]
        wanted = self._settings.parts
        return {name: getattr(key, name) if parts.get(name, name) in wanted else "" for name in names}


def transaction(sent: Mapping[str, str]) -> dict[str, Any]:
    """The request as the SDK takes it; it leaves out what is None."""

    def given(name: str) -> str | None:
        return sent[name] or None

    region = sent["region"].upper()
    return {
        "event": {"type": "account_creation"},
        "device": {"ip_address": given("ip"), "user_agent": given("user_agent")} if sent["ip"] else None,
        "account": {"user_id": given("account_id")},
        "email": {"address": given("email")},
        "billing": {
            "first_name": given("first_name"),
            "last_name": given("last_name"),
            "company": given("company"),
            "address": given("address"),
            "city": given("city"),
            "region": region if _REGION.fullmatch(region) else None,
            "postal": given("postal_code"),
            "country": given("country"),
            "phone_number": given("phone"),
        },
    }
