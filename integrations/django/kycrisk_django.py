"""kycrisk in a Django site: accounts are screened as they sign up.

INSTALLED_APPS += ["kycrisk_django.KycriskConfig"]
KYCRISK = {"base_url": "https://kycrisk.example.net", "key": os.environ["KYCRISK_KEY"], "on_failure": "review"}

With django-allauth installed that is all: its signal `user_signed_up(request, user)`, sent when the user is saved and
before the first login (https://docs.allauth.org/en/latest/account/signals.html, 65.x, read 2026-11-25), is listened to.
Elsewhere, call `screen_user` where you make a user. What happens then is yours to say: connect to `account_screened`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import Signal
from django.http import HttpRequest

from kycrisk.client import Client, Outcome, Screening

_log = logging.getLogger(__name__)

#: Sent after every screening: `sender` (the user's class), `request`, `user`, `screening`.
account_screened = Signal()

_FALLBACKS = ("allow", "review", "verify", "deny")
#: `block_at` → the least outcome that is refused. Nothing is refused on `review`.
_BLOCKS = {"verify": Outcome.VERIFY, "deny": Outcome.DENY, "never": None}
_SETTINGS = {"base_url", "key", "on_failure", "timeout", "block_at"}


def screen_user(user: Any, request: HttpRequest, *, ip: str = "", **fields: Any) -> Screening:
    """Screen a user who has just been made, and tell `account_screened`. Never raises for want of a decision.

    `fields` are further fields of a signup: `phone`, `address`, `attributes` … (docs/cli.md). `ip` is the customer's
    address; left out, it is the one that the request came from, which behind a proxy is the proxy's.
    """
    screening = client().screen(
        {
            "account_id": str(user.pk),
            "email": user.email,
            "ip": ip or request.META.get("REMOTE_ADDR", ""),
            "first_name": getattr(user, "first_name", ""),
            "last_name": getattr(user, "last_name", ""),
            "user_agent": request.META.get("HTTP_USER_AGENT", ""),
            **fields,
        }
    )
    if screening.outcome is not Outcome.ALLOW:
        _log.info("account %s: %s (%s)", user.pk, screening.outcome, screening.id or screening.why)
    account_screened.send(sender=type(user), request=request, user=user, screening=screening)
    return screening


def refused(screening: Screening) -> bool:
    """Whether the settings refuse this outcome (`block_at`: `deny` when left out, `verify`, `never`)."""
    least = _BLOCKS[_settings().get("block_at", "deny")]
    return least is not None and screening.outcome >= least


@cache
def client() -> Client:
    """The process's client, by the setting `KYCRISK`. Raises `ImproperlyConfigured`."""
    given = _settings()
    try:
        return Client(
            given["base_url"], given["key"], on_failure=given["on_failure"], timeout=given.get("timeout", 0.8)
        )
    except ValueError as error:  # its words do not hold the key
        raise ImproperlyConfigured(f"KYCRISK: {error}") from None


def _settings() -> Mapping[str, Any]:
    given: Mapping[str, Any] = getattr(settings, "KYCRISK", {})
    missing = {"base_url", "key", "on_failure"} - given.keys()
    problems = [f"`{name}` is missing" for name in sorted(missing)]
    problems += [f"unknown key `{name}`" for name in sorted(given.keys() - _SETTINGS)]
    if "on_failure" in given and given["on_failure"] not in _FALLBACKS:
        problems.append("`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)")
    if given.get("block_at", "deny") not in _BLOCKS:
        problems.append("`block_at` is `verify`, `deny` or `never`")
    if problems:
        raise ImproperlyConfigured("KYCRISK: " + "; ".join(problems))
    return given


def _on_signup(sender: type, request: HttpRequest, user: Any, **_: Any) -> None:
    """allauth's signal. A refused user is made inactive, and allauth shows its page for inactive accounts."""
    from allauth.account.adapter import get_adapter  # noqa: PLC0415  (allauth is there, but need not be)

    if refused(screen_user(user, request, ip=get_adapter(request).get_client_ip(request))):
        user.is_active = False
        user.save(update_fields=["is_active"])


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "KYCRISK" and client.cache_info().currsize:
        client().close()
        client.cache_clear()


class KycriskConfig(AppConfig):  # type: ignore[misc]  # Django has no types of its own
    name = "kycrisk_django"

    def ready(self) -> None:
        """Say what is wrong with the settings at start, and listen to allauth where it is installed."""
        _settings()
        setting_changed.connect(_forget)
        if find_spec("allauth") is not None:
            from allauth.account.signals import user_signed_up  # noqa: PLC0415

            user_signed_up.connect(_on_signup, dispatch_uid="kycrisk")
