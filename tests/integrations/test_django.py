"""The Django app with django-allauth's own sign-up form, in a site of its own process, against the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.making import NEVER, raw_server, silent
from tests.integrations.conftest import ROOT

TESTS = Path(__file__).resolve().parents[2]
VISITS = {
    "allow": ("emma.clarke@webmail.example", "192.0.2.10"),
    "review": ("lukas.meyer@example.org", "203.0.113.5"),
    "verify": ("sam.hill@throwaway.example", "192.0.2.58"),
    "deny": ("greg@blocked.example", "203.0.113.230"),
}


@pytest.fixture
def site(service):
    """Django's settings are a process's, so each scenario has one (`site.py`), as the PHP ones have."""

    def run(*visits, allauth=True, **changed):
        given = {"base_url": service.url, "key": service.key, "on_failure": "review", "timeout": 5, **changed}
        scenario = {
            "kycrisk": {name: value for name, value in given.items() if value is not None},
            "allauth": allauth,
            "visits": [VISITS[visit] for visit in visits],
        }
        command = [sys.executable, "-W", "error", "-m", "tests.integrations.site", str(ROOT / "django")]
        done = subprocess.run(
            command, input=json.dumps(scenario), capture_output=True, text=True, cwd=TESTS, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize(
    ("block_at", "refused"),
    [(None, {"deny"}), ("deny", {"deny"}), ("verify", {"verify", "deny"}), ("never", set())],
    ids=["the default", "deny", "verify", "never"],
)
def test_signing_up_with_allauth(site, block_at, refused):
    found = site(*VISITS, block_at=block_at)
    for visit, outcome in zip(found["visits"], VISITS, strict=True):
        assert visit["outcome"] == outcome
        assert visit["flagged"] is (outcome == "verify")
        assert visit["active"] is (outcome not in refused)
        assert visit["location"] == ("/accounts/inactive/" if outcome in refused else "/accounts/profile/")


def test_a_site_without_allauth_calls_the_function(site):
    found = site("verify", "deny", allauth=False)
    assert [(visit["outcome"], visit["active"]) for visit in found["visits"]] == [("verify", True), ("deny", True)]
    assert [visit["refused"] for visit in found["visits"]] == [False, True]


@pytest.mark.parametrize(("on_failure", "active"), [("allow", True), ("deny", False)], ids=["open", "closed"])
def test_fail_open_and_fail_closed(site, on_failure, active):
    [visit] = site("allow", base_url=NEVER, on_failure=on_failure)["visits"]
    assert (visit["outcome"], visit["failed"], visit["active"]) == (on_failure, True, active)


@pytest.mark.by_the_clock
def test_a_server_that_hangs_is_not_waited_for(site):
    with raw_server(silent) as url:
        [visit] = site("deny", base_url=url, timeout=0.2, allauth=False)["visits"]
    assert (visit["outcome"], visit["failed"]) == ("review", True)
    assert 0.19 <= visit["seconds"] <= 0.5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"on_failure": None}, "KYCRISK: `on_failure` is missing"),
        ({"on_failure": "raise"}, "KYCRISK: `on_failure` is `allow` (fail open), `review`, `verify` or `deny`"),
        ({"block_at": "review", "kee": "x"}, "KYCRISK: unknown key `kee`; `block_at` is `verify`, `deny` or `never`"),
        ({"key": "short"}, "KYCRISK: a secret has at least 6 characters"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_site_that_is_not_set_up_does_not_start(site, changed, message):
    assert message in site("allow", **changed)["error"]


def test_neither_key_nor_customer_is_logged(site, service):
    found = site("verify", "deny")
    shown = json.dumps(found)
    assert "verify (dec_" in shown
    for secret in (service.key, "throwaway.example", "blocked.example", "203.0.113.230"):
        assert secret not in shown
