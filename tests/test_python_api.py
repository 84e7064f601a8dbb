"""The Python API as docs/python.md shows it, on a folder that `init` makes."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import kycrisk
from kycrisk import AsyncScreener, Problems, Screener, decision_from_json, decision_to_json
from kycrisk.cli import app
from kycrisk.outcome import Outcome
from kycrisk.screening.columns.opening import open_table_screener
from kycrisk.screening.inputs.parquet import raw_signup

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python.md"
TOR = {"account_id": "a-1", "email": "x@burner.example", "ip": "203.0.113.5", "address": {"country": "DE"}}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = tmp_path_factory.mktemp("api") / "site"
    for arguments in (["init", str(made)], ["--config", str(made / "samples/kycrisk.yaml"), "feeds", "update"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    return made


def test_a_decision_serialises_and_replays_to_the_same_bytes(site):
    screener = Screener.open(site / "samples" / "kycrisk.yaml")
    decision = screener.screen(TOR)
    assert (decision.outcome, decision.flagged, decision.settled) == (Outcome.VERIFY, True, False)
    assert [reason.rule for reason in decision.reasons] == ["disposable-mail", "tor-exit", "tor-and-throwaway-mail"]
    text = decision_to_json(decision)
    assert decision_to_json(decision_from_json(text)) == text
    assert decision_to_json(screener.replay(decision_from_json(text))) == text


def test_time_and_ids_are_parameters(site):
    screeners = [Screener.open(site, clock=lambda: NOW, new_id=lambda at: "dec_fixed") for _ in range(2)]
    first, second = (screener.screen(TOR) for screener in screeners)
    assert (first.id, first.decided_at) == ("dec_fixed", NOW)
    assert first.evidence.known == second.evidence.known


def test_many_are_screened_as_one_by_one(site):
    one, many = (Screener.open(site, remember=True, clock=lambda: NOW, new_id=lambda at: "dec") for _ in range(2))
    signups = [one.signup({**TOR, "account_id": f"a-{number}"}) for number in range(6)]
    singly = [one.screen(signup) for signup in signups]
    together = many.screen_many(signups)
    assert [decision.evidence for decision in together] == [decision.evidence for decision in singly]
    assert [decision.outcome for decision in together] == [decision.outcome for decision in singly]
    assert together[5].evidence.known['signups(ip.address, "1h")'] == 5


def test_the_async_twin_decides_the_same(site):
    async def screened():
        screener = await AsyncScreener.open(site / "samples" / "kycrisk.yaml")
        decision = await screener.screen(TOR)
        return decision, await screener.replay(decision)

    decision, again = asyncio.run(screened())
    assert decision.outcome is Outcome.VERIFY
    assert again == decision


def test_everything_wrong_with_a_signup_is_told_at_once(site):
    with pytest.raises(Problems) as raised:
        Screener.open(site).screen({"ip": "hello", "emial": "x", "address": {"country": "UK"}})
    places = sorted(str(problem.place) for problem in raised.value.problems)
    assert places == ["account_id", "address.country", "email", "emial", "ip"]


def test_a_broken_folder_is_told_with_places(site, tmp_path):
    (tmp_path / "kycrisk.yaml").write_text("rulez: rules\noffline: maybe\n")
    with pytest.raises(Problems) as raised:
        Screener.open(tmp_path)
    assert [str(problem) for problem in raised.value.problems] == [
        f"{tmp_path}/kycrisk.yaml:2:10: `offline` is neither `true` nor `false`",
        f"{tmp_path}/kycrisk.yaml:1:1: unknown key `rulez`",
    ]


def test_exemptions_silence_a_rule_visibly_until_their_date(site, tmp_path):
    file = site / "exemptions.yaml"
    kept = file.read_text()
    try:
        file.write_text(
            "exemptions:\n"
            '  - {rule: disposable-mail, domain: burner.example, until: "2026-12-31", by: Kim}\n'
            '  - {rule: role-mailbox, account: a-1, until: "2026-01-01", by: Kim}\n'
        )
        decision = Screener.open(site, clock=lambda: NOW).screen(TOR)
        assert [(each.rule, each.subject, each.by) for each in decision.exempt] == [
            ("disposable-mail", "domain burner.example", "Kim")
        ]
        assert "disposable-mail" not in [reason.rule for reason in decision.reasons]
        file.write_text('exemptions:\n  - {rule: tor-exits, ip: 203.0.113.5/8, until: "soon", by: Kim}\n')
        with pytest.raises(Problems, match="`soon` is not a date"):
            Screener.open(site)
    finally:
        file.write_text(kept)


def test_the_page_runs(site, monkeypatch, capsys):
    """Every example of the page, in a folder that holds a `site` and a table of accounts."""
    monkeypatch.chdir(site.parent)
    pl.DataFrame(
        [{"account_id": "a-1", "email": "x@burner.example", "ip": ip} for ip in ("203.0.113.5", "203.0.113")]
    ).write_parquet("accounts.parquet")
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), {})  # our own page
    assert "review allow deny False" in (said := capsys.readouterr().out.replace("Outcome.", ""))
    assert "`203.0.113` is not an IP" in said
    assert pl.read_parquet("verdicts-0.parquet").height == 1


def test_public_names_exist():
    assert [name for name in kycrisk.__all__ if not hasattr(kycrisk, name)] == []
    with pytest.raises(AttributeError, match="has no `screener_of`"):
        _ = kycrisk.screener_of


def test_tables_are_decided_as_signups_are(site):
    folder = site / "samples" / "kycrisk.yaml"
    tables, screener = open_table_screener(folder, NOW), Screener.open(folder, clock=lambda: NOW)
    rows = pl.read_csv(site / "samples" / "signups.csv", infer_schema=False)
    screened = tables.screen(rows)
    signups = [screener.signup(raw_signup(rows.columns, cells)) for cells in rows.iter_rows()]
    decisions = [screener.screen(signup) for signup in signups]
    assert screened.refused.height == 0
    assert screened.verdicts.select("account_id", "outcome", "score", "settled").rows() == [
        (decision.account_id, str(decision.outcome), decision.score, decision.settled) for decision in decisions
    ]
