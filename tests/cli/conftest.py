"""The real command line over real folders: one small, whose every answer is known, and one as `init` makes it."""

import os
import shutil

import pytest
from typer.testing import CliRunner

from kycrisk.cli import app

RULES = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}

attributes:
  signup.plan: {type: str, question: "Which plan is being ordered?"}
  signup.seats: {type: int, question: "How many seats?"}

rules:
  - id: company
    title: A company signs up
    when: signup.company != ""
    score: 45
    reason: "{signup.company} is a company"
    tests:
      - {name: one, given: {signup.company: Acme}, expect: hit}
      - {name: none, given: {signup.company: ""}, expect: miss}

  - id: large-plan
    title: A large plan is ordered
    when: signup.plan == "large"
    score: 30
    reason: "the plan is {signup.plan}"

  - id: domain-again
    title: The mail domain was here before
    when: signups(email.domain, "1h") >= 1
    at_least: deny
    reason: "{email.domain} was here before"
"""

SIGNUP = {"account_id": "a-1", "email": "ann@example.com", "ip": "192.0.2.1", "attributes": {"plan": "small"}}
HEAD = "account_id,email,ip,company,attributes.plan,submitted_at\n"


class Run:
    """Calls the command line in a folder, as a terminal of 80 columns would show it."""

    def __init__(self, monkeypatch, folder):
        self.folder = folder
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments, stdin=None, env=None):
        self._monkeypatch.chdir(self.folder)
        plain = {name: None for name in os.environ if name.startswith("KYCRISK_")}
        plain |= {"COLUMNS": "80", "NO_COLOR": None, "FORCE_COLOR": None, **(env or {})}
        found = CliRunner(env=plain).invoke(app, [str(each) for each in arguments], input=stdin, prog_name="kycrisk")
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The small folder."""
    running = Run(monkeypatch, tmp_path)
    running.write("kycrisk.yaml", "rules: rules\n")
    running.write("rules/policy.yaml", RULES)
    return running


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A working folder with its sample lists, made once."""
    folder = tmp_path_factory.mktemp("made") / "site"
    for arguments in (["init", str(folder)], ["--config", str(folder / "samples/kycrisk.yaml"), "feeds", "update"]):
        found = CliRunner().invoke(app, arguments)
        assert found.exit_code == 0, found.output
    return folder


@pytest.fixture
def site(made, tmp_path, monkeypatch):
    """A copy of the working folder."""
    folder = tmp_path / "site"
    shutil.copytree(made, folder)
    return Run(monkeypatch, folder)
