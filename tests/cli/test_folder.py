"""`kycrisk init`, `doctor` and `signals`."""

import json

import pytest

from kycrisk.settings import SettingsForm
from kycrisk.sources.catalogue import shipped_signals

SIGNALS = shipped_signals()


def test_init_makes_a_folder_that_works(site):
    assert (site("check").exit_code, site("check").output) == (0, "")
    assert site("test").exit_code == 0
    assert site("fmt", "--check").exit_code == 0


def test_init_writes_what_an_editor_looks_for(site):
    assert json.loads((site.folder / "rules/kycrisk.schema.json").read_text())["title"] == "kycrisk rules"
    assert (
        (site.folder / "rules/policy.yaml").read_text().startswith("# yaml-language-server: $schema=./kycrisk.schema")
    )


def test_init_explains_every_setting(site):
    text = (site.folder / "kycrisk.yaml").read_text()
    names = [*SettingsForm.model_fields, *SettingsForm.model_fields["geo"].annotation.model_fields]
    assert [name for name in names if f"{name}:" not in text] == []


def test_the_commented_settings_are_right(site):
    """Without their marks, what is commented out is read as well."""
    lines = (site.folder / "kycrisk.yaml").read_text().splitlines()
    keys = tuple(f"# {name}" for name in ("state:", "geo:", "  country:", "  asn:", "  max_age:", "offline:"))
    site.write("kycrisk.yaml", "\n".join(line.removeprefix("# ") if line.startswith(keys) else line for line in lines))
    assert (site("check").exit_code, site("check").output) == (0, "")


def test_the_example_exemptions_are_right(site):
    text = (site.folder / "exemptions.yaml").read_text()
    site.write("exemptions.yaml", text.replace("exemptions: []", "exemptions:").replace("\n#  ", "\n  "))
    assert (site("check").exit_code, site("check").output) == (0, "")


def test_init_keeps_what_exists(site):
    site.write("kycrisk.yaml", "offline: true\n")
    (site.folder / "exemptions.yaml").unlink()
    found = site("init")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[0] == "wrote exemptions.yaml"
    assert "files that exist; --force overwrites them:\n  kycrisk.yaml\n" in found.stdout
    assert (site.folder / "kycrisk.yaml").read_text() == "offline: true\n"
    site("init", "--force")
    assert (site.folder / "kycrisk.yaml").read_text() != "offline: true\n"


def test_init_names_the_next_commands(run):
    shown = run("init", "new").stdout
    assert shown.split("\nNext:\n")[1] == (
        "  cd new\n"
        "  kycrisk --config samples/kycrisk.yaml feeds update\n"
        "  kycrisk --config samples/kycrisk.yaml screen samples/signups.csv --history input\n"
        "  kycrisk feeds update\n"
    )


def test_init_over_a_file(run):
    run.write("new", "")
    found = run("init", "new")
    assert (found.exit_code, found.stderr) == (2, "kycrisk: `new` is not a folder\n")


def test_doctor_on_a_new_folder(run):
    found = run("doctor")
    assert found.exit_code == 1
    assert "  networks   `geo.asn` is not set\n" in found.stdout
    assert "\nRules that cannot always be judged\n  domain-again: " in found.stdout
    assert "  - Tor exits: `tor-bulk` was never fetched" in found.stdout


def test_doctor_when_all_is_well(site):
    found = site("-c", "samples/kycrisk.yaml", "doctor")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.endswith("\nNothing needs attention.\n")
    assert "  countries  geo-sample.mmdb of 2026-11-15\n" in found.stdout
    assert "  only `screen --history input` counts earlier signups\n" in found.stdout


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param("geo: {country: none.mmdb}\n", "none.mmdb` cannot be read", id="a database that is not there"),
        pytest.param("geo: {asn: kycrisk.yaml}\n", "is not a MaxMind-format database", id="a database that is none"),
    ],
)
def test_doctor_finds(site, settings, message):
    site.write("samples/kycrisk.yaml", f"rules: ../rules\nfeeds: [feeds.yaml]\n{settings}")
    found = site("-c", "samples/kycrisk.yaml", "doctor")
    assert found.exit_code == 1
    assert message in " ".join(found.stdout.split("Needs attention")[1].split())


def test_doctor_shows_problems(run):
    run.write("rules/broken.yaml", "rules: [{id: x}]\n")
    found = run("doctor")
    assert found.exit_code == 1
    assert "rules/broken.yaml:1:9: " in found.stderr


def test_doctor_tells_where_settings_come_from(run):
    found = run("doctor", env={"KYCRISK_OFFLINE": "true"})
    assert "  set by     KYCRISK_OFFLINE=true\n" in found.stdout
    assert "  network    not used\n" in found.stdout


def test_signals_lists_every_signal(run):
    shown = run("signals").stdout
    assert [name for name in SIGNALS if f"  {name}  " not in shown] == []
    assert "  signup.plan  str\n      Which plan is being ordered?\n" in shown


def test_signals_by_words(run):
    assert run("signals", "ip.tor_exit").stdout == "tor\n  ip.tor_exit  bool\n      Is the IP address a Tor exit?\n"
    found = run("signals", "zzz")
    assert (found.exit_code, found.stderr.splitlines()[0]) == (2, "kycrisk: no signal speaks of `zzz`")


def test_signals_as_json(run):
    found = {each["name"]: each for each in json.loads(run("signals", "--format", "json").stdout)}
    assert found.keys() == {*SIGNALS, "signup.plan", "signup.seats"}
    assert found["signup.seats"]["type"] == "int"


def test_signals_while_the_rules_are_broken(run):
    run.write("rules/broken.yaml", "rules: [{id: x}]\n")
    found = run("signals", "tor", "exit")
    assert found.exit_code == 0
    assert found.stderr.startswith("the policy's attributes are left out: `kycrisk check` finds ")
