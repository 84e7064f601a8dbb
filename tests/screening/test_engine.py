"""A site that asks for durable-rules: the same decisions, and each says which engine made it."""

import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from kycrisk import Problems, Screener, decision_from_json, decision_to_json
from kycrisk.cli import app
from kycrisk.decision import MadeBy
from kycrisk.screening.site import read_site
from kycrisk.settings import read_settings
from tests.durable_engine.library import needs_durable_rules

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIGNUPS = [
    {"account_id": "a-1", "email": "x@burner.example", "ip": "203.0.113.5", "address": {"country": "DE"}},
    {"account_id": "a-2", "email": "jane@example.com", "ip": "192.0.2.7"},
    {"account_id": "a-3", "email": "not an address", "ip": "2001:db8::1", "phone": "+49 30 123456"},
    {"account_id": "signup-13887", "email": '"quoted \\" one"@example.com', "ip": "198.51.100.1"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("engine") / "site"
    for arguments in (["init", str(made)], ["--config", str(made / "samples/kycrisk.yaml"), "feeds", "update"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    return made


@pytest.fixture
def settings_file(folder):
    """The sample site with `engine: durable`."""
    file = folder / "samples" / "durable.yaml"
    file.write_text((folder / "samples" / "kycrisk.yaml").read_text() + "\nengine: durable\n")
    return file


def opened(where):
    return Screener(read_site(read_settings(where)), clock=lambda: NOW, new_id=lambda at: "dec_fixed")


def as_one(decision):
    """What two engines must agree on."""
    return replace(decision, made_by=None, took_ms=0.0)


@needs_durable_rules
def test_decisions_are_the_same_and_say_who_made_them(folder, settings_file):
    with opened(folder / "samples" / "kycrisk.yaml") as usual, opened(settings_file) as durable:
        for raw in SIGNUPS:
            decision = durable.screen(raw)
            assert decision.made_by == MadeBy("durable")
            assert as_one(decision) == as_one(usual.screen(raw))
            text = decision_to_json(decision)
            assert json.loads(text)["engine"] == "durable"
            assert "after" not in json.loads(text)
            assert decision_to_json(decision_from_json(text)) == text
            assert decision_to_json(durable.replay(decision_from_json(text))) == text
            assert decision_to_json(usual.replay(decision_from_json(text))) == text


@needs_durable_rules
def test_a_crash_is_told_in_the_decision_and_is_never_an_allow(folder, settings_file):
    with opened(folder / "samples" / "kycrisk.yaml") as usual, opened(settings_file) as durable:
        os.kill(durable.desk.engine.post.pid, signal.SIGKILL)
        decision = durable.screen(SIGNUPS[0])
        assert as_one(decision) == as_one(usual.screen(SIGNUPS[0]))
        assert decision.outcome.word == "verify"
        text = decision_to_json(decision)
        told = json.loads(text)
        assert (told["engine"], told["after"]) == ("generated", "durable crashed")
        assert decision_to_json(usual.replay(decision_from_json(text))) == text


@needs_durable_rules
def test_exemptions_are_the_same(folder, settings_file, tmp_path):
    exemptions = tmp_path / "exemptions.yaml"
    exemptions.write_text(
        'exemptions:\n  - {rule: tor-exit, account: a-1, until: "2027-01-31", by: Kim, reason: known}\n'
    )
    settings = [read_settings(each) for each in (folder / "samples" / "kycrisk.yaml", settings_file)]
    sites = [read_site(replace(each, exemptions=exemptions)) for each in settings]
    told = []
    for site in sites:
        with Screener(site, clock=lambda: NOW, new_id=lambda at: "dec_fixed") as screener:
            told.append(screener.screen(SIGNUPS[0]))
    assert [each.rule for each in told[0].exempt] == ["tor-exit"]
    assert as_one(told[0]) == as_one(told[1])
    assert [each.made_by for each in told] == [None, MadeBy("durable")]


@needs_durable_rules
def test_a_closed_screener_has_no_worker(settings_file):
    with opened(settings_file) as screener:
        pid = screener.desk.engine.post.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@needs_durable_rules
def test_doctor_says_which_engine_judges(settings_file):
    told = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["--config", str(settings_file), "doctor"]).output
    assert "  engine     durable-rules 2.0.28 in a process of its own, checked by the default engine" in told


def test_by_default_there_is_no_engine_beside_and_nothing_is_told(folder):
    with opened(folder / "samples" / "kycrisk.yaml") as screener:
        assert screener.desk.engine is None
        assert '"engine"' not in decision_to_json(screener.screen(SIGNUPS[0]))


def test_an_engine_that_does_not_exist_is_told_with_its_place(tmp_path):
    (tmp_path / "kycrisk.yaml").write_text("engine: drools\n")
    with pytest.raises(Problems) as raised:
        read_settings(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}/kycrisk.yaml:1:9: `drools` is no engine\n    engine: drools\n            ^\n"
        "help: an engine is `generated` or `durable`"
    )


def test_durable_rules_that_cannot_be_imported_are_a_problem_at_the_start(settings_file, tmp_path, monkeypatch):
    (tmp_path / "durable").mkdir()
    (tmp_path / "durable" / "__init__.py").write_text("raise ImportError('No module named durable')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Problems) as raised:
        opened(settings_file)
    assert str(raised.value) == (
        f"{settings_file}: `engine: durable` needs durable-rules, and it cannot be imported: No module named durable\n"
        "help: `pip install 'kycrisk[durable]'` on Python 3.11 or 3.12 with a C compiler, or `engine: generated`"
    )
