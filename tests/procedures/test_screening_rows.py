"""What SpaceCore says of signups, by the shipped rules, the sample lists and a FraudRecord that runs here."""

import pytest

from kycrisk.cli.folder import shipped_files
from kycrisk.outcome import Finding
from kycrisk.screening.screener import Screener
from tests.procedures.spacecore import SITE, lists
from tests.procedures.world import FraudRecord


@pytest.fixture(scope="module")
def screener(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spacecore")
    for relative, content in shipped_files():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        (folder / relative).write_bytes(content)
    with FraudRecord() as fraudrecord:
        (folder / "kycrisk.yaml").write_text("rules: rules\n" + SITE.format(fraudrecord=fraudrecord.url))
        lists(folder)
        with Screener.open(folder) as opened:
            yield opened


def hits(screener, **signup):
    plain = {"account_id": "a-1", "email": "jane@company.example", "ip": "192.0.2.20"}
    decision = screener.screen({**plain, **signup}, complete=True)
    return {each.rule for each in decision.reasons if each.finding is Finding.HIT}


@pytest.mark.row("S8")
@pytest.mark.parametrize(("email", "hit"), [("jane@burner.example", True), ("jane@company.example", False)])
def test_throwaway_mailboxes(screener, email, hit):
    assert ("disposable-mail" in hits(screener, email=email)) is hit


@pytest.mark.row("S9")
@pytest.mark.parametrize(("email", "hit"), [("not-a-person@company.example", True), ("not-an-address", False)])
def test_reports_at_fraudrecord(screener, email, hit):
    assert ("reported-by-providers" in hits(screener, email=email)) is hit


@pytest.mark.row("S10")
@pytest.mark.parametrize(
    ("ip", "rule"),
    [("203.0.113.5", "tor-exit"), ("203.0.113.66", "network-in-criminal-hands"), ("192.0.2.20", None)],
)
def test_tor_and_lists_of_spammers(screener, ip, rule):
    found = hits(screener, ip=ip) & {"tor-exit", "network-in-criminal-hands"}
    assert found == ({rule} if rule else set())
