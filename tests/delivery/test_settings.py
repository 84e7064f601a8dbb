"""The sections `webhooks`, `jobs` and `retention`: what they come to, and every mistake with its place."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from kycrisk.cli import app as cli
from kycrisk.cron import parse_cron
from kycrisk.problems import Problems
from kycrisk.settings import read_settings

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ENVIRON = {"HOOK_SECRET": SECRET, "EMPTY": ""}


@pytest.fixture
def read(tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    def reading(text):
        (tmp_path / "kycrisk.yaml").write_text(text)
        return read_settings(tmp_path, environ=ENVIRON)

    return reading


def test_everything_is_read(read):
    settings = read(
        f"""\
webhooks:
  - {{url: "https://shop.example.com/hook?token=x", secret: {SECRET}}}
  - {{url: "http://10.0.0.7/hook", secret: {{env: HOOK_SECRET}}, allow_private: true, timeout: 5s}}
  - {{url: "https://b.example.com/", secret: {{file: secret}}, events: [account.outcome_changed]}}
jobs: {{recheck: "*/5  * * * *", retention: 41 3 * * *}}
retention: {{signups: 400d, decisions: 730d}}
"""
    )
    assert settings.webhooks.problems == ()
    first, second, third = settings.webhooks.endpoints
    assert (first.url, first.allow_private, first.timeout) == (
        "https://shop.example.com/hook?token=x", False, timedelta(seconds=15),
    )  # fmt: skip
    assert first.events == {"decision.created", "account.outcome_changed"}
    assert (second.allow_private, second.timeout, third.events) == (
        True, timedelta(seconds=5), {"account.outcome_changed"},
    )  # fmt: skip
    assert {each.secret.reveal() for each in settings.webhooks.endpoints} == {SECRET}
    assert "token" not in repr(settings)
    assert (settings.jobs.recheck, settings.jobs.feeds, settings.jobs.retention) == ("*/5 * * * *", None, "41 3 * * *")
    assert (settings.retention.signups, settings.retention.facts) == (timedelta(days=400), None)


OLDER = "whsec_" + "QUFB" * 8


def test_a_secret_that_is_being_changed(read):
    settings = read(f"webhooks: [{{url: https://a.test/, secret: {{env: HOOK_SECRET}}, previous_secret: {OLDER}}}]\n")
    [endpoint] = settings.webhooks.endpoints
    assert [each.reveal() for each in endpoint.secrets] == [SECRET, OLDER]
    assert OLDER not in repr(settings)


def test_the_command_makes_a_secret_that_is_one(read):
    made = CliRunner().invoke(cli, ["deliveries", "secret"]).output.strip()
    settings = read(f"webhooks: [{{url: https://a.test/, secret: {made}}}]\n")
    assert settings.webhooks.problems == ()
    assert [each.secret.reveal() for each in settings.webhooks.endpoints] == [made]


SHOWN = {"webhooks", "- {url", "jobs", "recheck", "feeds", "retention"}
GOOD = f"  - {{url: https://good.example.com/, secret: {SECRET}}}\n"


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        pytest.param(
            "  - {url: ftp://a.example.com/, secret: {env: HOOK_SECRET}}",
            "3:11",
            "this is not an address such as `https://shop.example.com/hooks/kycrisk`",
            id="not-web",
        ),
        pytest.param(
            '  - {url: "https://kim:pw@a.example.com/", secret: {env: HOOK_SECRET}}',
            "3:11",
            "a user name or password stands in the address, which is not read",
            id="password",
        ),
        pytest.param("  - {url: https://a.test/}", "3:5", "there is no `secret`", id="no-secret"),
        pytest.param(
            "  - {url: https://a.test/, secret: {env: EMPTY}}",
            "3:36",
            "the environment variable `EMPTY` is not set",
            id="unset-variable",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: whsec_c2hvcnQ=}",
            "3:36",
            "the secret has 5 bytes, not 24 to 64",
            id="short-secret",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: {env: HOOK_SECRET}, previous_secret: whsec_c2hvcnQ=}",
            "3:73",
            "the secret has 5 bytes, not 24 to 64",
            id="short-previous-secret",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: what-a-long-secret-that-is-no-base64}",
            "3:36",
            "the secret is not `whsec_` with base64 behind it",
            id="no-base64",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: {env: HOOK_SECRET}, events: [decision.made]}",
            "3:65",
            "`decision.made` is no event",
            id="no-event",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: {env: HOOK_SECRET}, event: []}",
            "3:56",
            "unknown key `event`",
            id="unknown-key",
        ),
        pytest.param(
            "  - {url: https://a.test/, secret: {env: HOOK_SECRET}, timeout: 31s}",
            "3:65",
            "`31s` is not between 100ms and 30s",
            id="too-patient",
        ),
        pytest.param(
            "  - {url: https://good.example.com/, secret: {env: HOOK_SECRET}}",
            "3:11",
            "this endpoint stands twice",
            id="twice",
        ),
        pytest.param("  - https://a.example.com/", "3:5", "`1` is not a mapping of `key: value`", id="no-mapping"),
    ],
)
def test_a_mistake_costs_its_endpoint_only(read, tmp_path, line, place, message):
    settings = read(f"webhooks:\n{GOOD}{line}\n")
    [problem] = settings.webhooks.problems
    at = problem.render().removeprefix(f"{tmp_path}/kycrisk.yaml:").partition(": ")[0]
    assert (at, problem.message) == (place, message)
    assert [each.host for each in settings.webhooks.endpoints] == ["good.example.com"]
    for hidden in ("pw@", "c2hvcnQ=", "what-a-long", "whsec_A"):
        assert hidden not in problem.render()


def test_what_is_no_list_costs_all_of_them(read):
    settings = read("webhooks: {url: https://a.example.com/}\n")
    assert [problem.message for problem in settings.webhooks.problems] == ["`webhooks` is not a list"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("jobs: {recheck: hourly}", "`hourly` is not five fields such as `*/5 * * * *`", id="no-cron"),
        pytest.param('jobs: {recheck: "61 * * * *"}', "a minute is 0 to 59, not `61`", id="no-minute"),
        pytest.param("jobs: {cleaning: 1 * * * *}", "unknown key `cleaning`", id="no-job"),
        pytest.param("retention: {signups: 0d}", "`0d` is not longer than nothing", id="no-time"),
    ],
)
def test_a_mistake_in_jobs_and_retention_is_fatal(read, text, message):
    with pytest.raises(Problems) as wrong:
        read(f"{text}\n")
    assert [problem.message for problem in wrong.value.problems] == [message]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("* * * * *", "* * * * *", id="every-minute"),
        pytest.param(" 0 */6 1,15 1-6 1-5 ", "0 */6 1,15 1-6 1-5", id="lists-ranges-steps"),
        pytest.param("5-55/10 0 * * 7", "5-55/10 0 * * 7", id="a-stepped-range"),
        pytest.param("* * * *", None, id="four-fields"),
        pytest.param("* * 0 * *", None, id="no-day"),
        pytest.param("30-10 * * * *", None, id="backwards"),
        pytest.param("*/0 * * * *", None, id="no-step"),
        pytest.param("@daily * * * *", None, id="words"),
        pytest.param("1,,2 * * * *", None, id="nothing-between-commas"),
    ],
)
def test_cron(text, wanted):
    try:
        found = parse_cron(text)
    except ValueError:
        found = None
    assert found == wanted


def test_what_init_shows_is_right(tmp_path):
    assert CliRunner().invoke(cli, ["init", str(tmp_path / "site")]).exit_code == 0
    file = tmp_path / "site" / "kycrisk.yaml"
    lines = file.read_text().splitlines()
    shown = [line.removeprefix("# ") for line in lines[lines.index("# webhooks:") : lines.index("# network:")]]
    file.write_text("\n".join(line for line in shown if line.partition(":")[0].strip() in SHOWN) + "\n")
    settings = read_settings(file, environ={"KYCRISK_WEBHOOK_SECRET": SECRET})
    assert settings.webhooks.problems == ()
    assert [each.host for each in settings.webhooks.endpoints] == ["shop.example.com"]
    assert (settings.jobs.recheck, settings.retention.signups) == ("*/5 * * * *", timedelta(days=400))
