"""The documentation says what there is: every command, option, signal and setting, and transcripts that are true.

`KYCRISK_WRITE_DOCS=1 python -m pytest tests/test_docs.py` writes the transcripts and docs/signals.md anew.
"""

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from kycrisk.cli import app
from kycrisk.cli.signals import SIGNALS_PAGE_HEAD
from kycrisk.quarantine_settings import QuarantineForm
from kycrisk.service_settings import JobsForm, RescreeningForm, RetentionForm
from kycrisk.settings import VARIABLES, GeoForm, SettingsForm
from kycrisk.shipped import shipped
from kycrisk.sources.catalogue import shipped_signals
from kycrisk.sources.choosing import BudgetForm, NetworkForm
from kycrisk.sources.kinds import KINDS
from kycrisk.verification_settings import VerificationForm
from kycrisk.webhook_settings import WebhookForm

DOCS = Path(__file__).resolve().parents[1] / "docs"
WRITING = bool(os.environ.get("KYCRISK_WRITE_DOCS"))
PAGE = DOCS / "cli.md"
BACKTEST = DOCS / "backtest.md"
README = DOCS.parent / "README.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What is different in every run, and why it is no lie: ids, hashes, dates, ages, versions and times taken.
CHANGING = (
    (r"dec_[0-9a-f]+", "dec_…"),
    (r"\b[0-9a-f]{64}\b", "…"),
    (r"20\d\d-\d\d-\d\d", "2026-…"),
    (r"\d+\.\d s\b", "… s"),
    (r"tables of version \d{4}", "tables of version …"),
    (r"due in \d+[dhm]", "due in …"),
    (r" {2,}\d+[dhm]( {2,})", r" …\1"),
    (r"Python \d+\.\d+\.\d+, \w+|kycrisk \d+\.\d+\.\d+|Polars \d+\.\d+\.\d+", "…"),
)
EXTRA = {
    "rules/mine.yaml": """\
rules:
  - id: mine
    title: A rule of mine
    when: ip.tor_exi and email.disposable_lists > "2"
    score: 20
    raeson: seen on {ip.address}
""",
    "stricter.yaml": """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - id: tor-exit
    title: Signed up through Tor
    when: ip.tor_exit
    at_least: verify
    reason: "{ip.address} is a Tor exit"

  - id: disposable-mail
    title: Throwaway mailbox
    when: email.disposable
    score: 70
    reason: "{email.domain} is a throwaway domain"

  - id: young-domain
    title: A mail domain of this week, from a datacenter
    when: ip.datacenter and domain.age < "7d"
    score: 45
    reason: "{email.domain} was registered {domain.age} ago"

  - id: burst
    title: Many from one address
    when: signups(ip.address, "1h") >= 3
    at_least: verify
    reason: '{signups(ip.address, "1h")} came from {ip.address}'
""",
    "labels.csv": """\
account_id,label
plain-customer,legitimate
known-customer-abroad,legitimate
tor-user,legitimate
throwaway-mailbox,fraud
tor-and-throwaway,fraud
reported-twice,fraud
burst-6-of-7,fraud
burst-7-of-7,fraud
script-on-a-server,fraud
moved-away-last-year,fraud
""",
    "bad.csv": "account_id,email,ip\na-1,ann@example.com,nonsense\na-2,,192.0.2.2\na-3,bob@example.com,192.0.2.3\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `init` makes, with the sample lists."""
    made = tmp_path_factory.mktemp("docs") / "site"
    for arguments in (["init", str(made)], ["--config", str(made / "samples/kycrisk.yaml"), "feeds", "update"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    return made


def answer(line, folder):
    """What a command line of a transcript prints, on both streams."""
    command, _, cut = line.partition(" | ")
    for name, text in EXTRA.items():
        if name in line:
            (folder / name).write_text(text)
    env = {"COLUMNS": "80", "NO_COLOR": "1", **{name: None for name in os.environ if name.startswith("KYCRISK_")}}
    printed = CliRunner(env=env).invoke(app, shlex.split(command)[1:], prog_name="kycrisk").output.splitlines()
    (folder / "rules/mine.yaml").unlink(missing_ok=True)
    if cut:
        which, number = re.fullmatch(r"(head|tail) -(\d+)", cut).groups()
        printed = printed[: int(number)] if which == "head" else printed[-int(number) :]
    return "".join(f"{text}\n" for text in printed).replace(str(shipped("data")), "…/data")


def transcripts():
    return [block[1] for page in (README, PAGE, BACKTEST) for block in CONSOLE.finditer(page.read_text())]


def commands(block):
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def steady(text):
    for pattern, instead in CHANGING:
        text = re.sub(pattern, instead, text)
    return text


@pytest.mark.skipif(not WRITING, reason="only when the pages are to be written")
def test_write(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def anew(block):
        return "```console\n" + "".join(f"$ {line}\n{answer(line, folder)}" for line in commands(block[1])) + "```"

    for page in (README, PAGE, BACKTEST):
        page.write_text(CONSOLE.sub(anew, page.read_text()))
    (DOCS / "signals.md").write_text(signals_page())


@pytest.mark.skipif(WRITING, reason="when the pages are to be written")
@pytest.mark.parametrize("block", transcripts(), ids=lambda block: commands(block)[0])
def test_transcripts_are_true(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert steady(block) == steady("".join(f"$ {line}\n{answer(line, folder)}" for line in commands(block)))


def all_commands(command=None, path=()):
    command = command or get_command(app)
    below = getattr(command, "commands", None)
    if below is None:
        return [(path, command)]
    return [found for name, inner in below.items() for found in all_commands(inner, (*path, name))]


@pytest.mark.parametrize(
    ("path", "command"), all_commands(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_is_documented(path, command):
    page = PAGE.read_text()
    section = re.search(rf"^## {' '.join(path)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    everywhere = {"--config", "--offline", "--help"}
    shared = {"--input-format", "--ignore-unknown"} if path == ("explain",) else set()
    options = [max(option.opts, key=len) for option in command.params if option.param_type_name == "option"]
    missing = [name for name in options if name not in everywhere | shared and f"`{name}" not in section[1]]
    if path == ("explain",):
        missing = [name for name in missing if f"`{name}" not in page]  # the flags of a signup are those of `screen`
    if path == ("schema",):
        missing = [name for name in missing if name not in section[1]]
    assert missing == []


def test_every_setting_is_documented():
    page = (DOCS / "settings.md").read_text()
    sections = {
        "geo": GeoForm,
        "network": NetworkForm,
        "budget": BudgetForm,
        "webhooks": WebhookForm,
        "verification": VerificationForm,
        "jobs": JobsForm,
        "rescreening": RescreeningForm,
        "retention": RetentionForm,
        "quarantine": QuarantineForm,
    }
    names = [name for name in SettingsForm.model_fields if name not in sections]
    names += [f"{section}.{name}" for section, form in sections.items() for name in form.model_fields]
    assert [name for name in [*names, *VARIABLES] if f"`{name}`" not in page] == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_source_is_documented(kind):
    page = (DOCS / "sources.md").read_text()
    section = re.search(rf"^## `{kind.name}`.*?\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    rows = {
        name: field.description
        for name, field in kind.form.model_fields.items()
        if name != "timeout"  # said once, for all of them
    }
    assert [name for name, description in rows.items() if f"| `{name}` |" not in section[1] or not description] == []
    prefixes = {signal.name.partition(".")[0] for signal in kind.signals()}
    assert [prefix for prefix in prefixes if f"`{prefix}." not in section[1]] == []


def signals_page():
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["signals", "--format", "markdown"])
    assert printed.exit_code == 0
    return printed.output


def test_every_signal_is_documented():
    page = (DOCS / "signals.md").read_text()
    assert [name for name in shipped_signals() if f"| `{name}` |" not in page] == []


def test_the_page_of_signals_is_in_step(tmp_path, monkeypatch):
    """Docs are of the shipped rules' attributes, as a folder without settings has them."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "signals.md").read_text()
    assert page == signals_page()
    assert page.startswith(SIGNALS_PAGE_HEAD)
