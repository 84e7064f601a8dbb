"""A Django site in memory, with the app under test: signs visitors up, and prints what became of them.

Standard input: {"kycrisk": settings, "allauth": bool, "visits": [[email, ip], …]}; argument: the app's folder.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def configured(scenario: dict[str, Any]) -> None:
    allauth = ["allauth", "allauth.account"] if scenario["allauth"] else []
    settings.configure(
        SECRET_KEY="for-this-process-only",
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        ROOT_URLCONF="tests.integrations.site_urls" if allauth else "django.urls.conf",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *allauth,
            "kycrisk_django.KycriskConfig",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *(["allauth.account.middleware.AccountMiddleware"] if allauth else []),
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        ACCOUNT_LOGIN_METHODS={"email"},
        ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        ACCOUNT_EMAIL_VERIFICATION="none",
        ACCOUNT_RATE_LIMITS=False,
        LOGGING_CONFIG=None,
        USE_TZ=True,
        KYCRISK=scenario["kycrisk"],
    )
    django.setup()


def signed_up(visits: list[list[str]], allauth: bool) -> list[dict[str, Any]]:
    import kycrisk_django
    from django.contrib.auth import get_user_model
    from django.test import Client, RequestFactory

    told: list[dict[str, Any]] = []

    def note(sender: type, request: Any, user: Any, screening: Any, **_: Any) -> None:
        told.append({"outcome": screening.outcome.word, "failed": screening.failed, "flagged": screening.flagged})
        told[-1]["refused"] = kycrisk_django.refused(screening)

    kycrisk_django.account_screened.connect(note)
    found = []
    for number, (email, ip) in enumerate(visits):
        meta = {"REMOTE_ADDR": ip, "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0"}
        start = time.monotonic()
        if allauth:
            form = {"email": email, "password1": "a-long-Passphrase-17"}
            location = Client().post("/accounts/signup/", form, **meta).headers.get("Location")
        else:
            user = get_user_model().objects.create_user(f"user-{number}", email)
            kycrisk_django.screen_user(user, RequestFactory().post("/", **meta), address={"country": "GB"})
            location = None
        seconds = time.monotonic() - start
        user = get_user_model().objects.get(email=email)
        found.append({**told[number], "active": user.is_active, "location": location, "seconds": seconds})
    kycrisk_django.client().close()
    return found


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    scenario = json.load(sys.stdin)
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.INFO, format="%(name)s %(message)s")
    answer: dict[str, Any] = {"error": ""}
    try:
        configured(scenario)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        answer["visits"] = signed_up(scenario["visits"], scenario["allauth"])
    except ImproperlyConfigured as error:
        answer["error"] = str(error)
    print(json.dumps({**answer, "log": log.getvalue()}))


if __name__ == "__main__":
    main()
