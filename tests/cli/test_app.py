"""The door: help, options before and after the command, errors and exit codes."""

import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMANDS = [
    ("init",),
    ("check",),
    ("test",),
    ("fmt",),
    ("doctor",),
    ("screen",),
    ("explain",),
    ("replay",),
    ("eval",),
    ("feeds",),
    ("feeds", "list"),
    ("feeds", "update"),
    ("feeds", "show"),
    ("signals",),
    ("schema",),
    ("completion",),
    ("version",),
]
PROGRAM = [sys.executable, "-c", "from kycrisk.cli import main; main()"]


@contextmanager
def process(*arguments, cwd, **options):
    """The program as a process of its own; one that hangs is ended, so that its test fails and does not wait."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("KYCRISK_")}
    command = [*PROGRAM, *arguments]
    with subprocess.Popen(command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, **options) as running:
        watchdog = threading.Timer(60, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            watchdog.cancel()
            running.kill()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_the_options_of_all(run, command):
    found = run(*command, "--help")
    assert found.exit_code == 0
    assert found.stdout.startswith(f"Usage: kycrisk {' '.join(command)} ")
    if command != ("feeds",):
        assert "-c, --config PATH" in found.stdout
        assert "--offline" in found.stdout


def test_help_lists_every_command(run):
    shown = run("--help").stdout
    assert [name for name, *rest in COMMANDS if not rest and f"\n  {name}  " not in shown] == []


@pytest.mark.parametrize("arguments", [["--config", "..", "check"], ["check", "-c", ".."]], ids=["before", "behind"])
def test_config_before_and_behind_the_command(run, arguments):
    (run.folder / "below").mkdir()
    run.write("rules/broken.yaml", "rules: [{id: x}]\n")
    run.folder = run.folder / "below"
    found = run(*arguments)
    assert (found.exit_code, "broken.yaml:1:9" in found.stdout) == (1, True)


def test_no_command_shows_help(run):
    found = run()
    assert (found.exit_code, found.output.startswith("Usage: kycrisk")) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["sreen"], "No such command", id="unknown command"),
        pytest.param(["screen", "--emial", "x"], "No such option", id="unknown option"),
        pytest.param(["screen", "--format", "xml"], "xml", id="unknown format"),
        pytest.param(
            ["--config", "none", "check"],
            "none: there is no such folder\nhelp: `kycrisk init` makes one\n",
            id="config that does not exist",
        ),
        pytest.param(["check", "none.yaml"], "kycrisk: there is no `none.yaml`\n", id="rules that do not exist"),
        pytest.param(
            ["screen", "--email", "a@example.com", "--ip", "192.0.2.1", "-o", "none/out.jsonl"],
            "kycrisk: none/out.jsonl: no such file or directory\n",
            id="output that cannot be written",
        ),
    ],
)
def test_usage_errors_end_with_2(run, arguments, message):
    found = run(*arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert "Traceback" not in found.output


def test_wrong_settings_end_with_2(run):
    run.write("kycrisk.yaml", "ruls: rules\noffline: maybe\n")
    found = run("screen", "--email", "a@example.com", "--ip", "192.0.2.1")
    assert found.exit_code == 2
    assert found.stderr == (
        "kycrisk.yaml:2:10: `offline` is neither `true` nor `false`\n    offline: maybe\n             ^\n"
        "kycrisk.yaml:1:1: unknown key `ruls`\n    ruls: rules\n    ^\nhelp: did you mean `rules`?\n"
    )


def test_version(run):
    assert run("--version").stdout.startswith("kycrisk ")
    assert run("version").stdout.startswith("kycrisk ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell):
    assert "_KYCRISK_COMPLETE" in run("completion", shell).stdout


def test_a_shell_completes_commands(tmp_path):
    env = os.environ | {"_KYCRISK_COMPLETE": "complete_bash", "COMP_WORDS": "kycrisk sc", "COMP_CWORD": "1"}
    found = subprocess.run(PROGRAM, cwd=tmp_path, env=env, text=True, capture_output=True, check=False)
    assert sorted(found.stdout.split()) == ["schema", "screen"]


def test_help_is_quick(tmp_path):
    """The bar is 200 ms; a slower machine gets four times that, and other work on it counts for nothing."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with process("--help", cwd=tmp_path) as running:
            running.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.8


@pytest.mark.parametrize(
    "module", ["rich", "pydantic", "httpx", "asyncio", "kycrisk.decision", "kycrisk.screening.screener"]
)
def test_help_loads_nothing_heavy(module):
    script = f"import sys, kycrisk.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_closed_pipe_is_quiet(run):
    """What `| head` does: it reads a little and leaves."""
    rows = "".join(f"a-{at},a{at}@example.com,192.0.2.1\n" for at in range(20_000))
    run.write("many.csv", f"account_id,email,ip\n{rows}")
    with process("screen", "many.csv", "--format", "jsonl", cwd=run.folder, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read()
        code = running.wait()
    assert (code, errors) == (141, "")


def test_an_interruption_is_clean(run):
    with process("screen", "-", cwd=run.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdin.write("account_id,email,ip\na-1,ann@example.com,192.0.2.1\n")
        running.stdin.flush()
        assert running.stdout.readline().startswith("allow   a-1")  # it works, and now it waits
        running.send_signal(signal.SIGINT)
        errors = running.stderr.read()
        code = running.wait()
    assert (code, errors) == (130, "kycrisk: interrupted\n")


def test_the_module_has_no_way_around_the_door():
    """Commands end by `typer.Exit` through the door, never by `sys.exit` in their midst."""
    folder = Path(__file__).resolve().parents[2] / "src/kycrisk/cli"
    assert [path.name for path in folder.glob("*.py") if "sys.exit(" in path.read_text()] == []
