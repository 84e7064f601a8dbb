"""`kycrisk keys` and `kycrisk support dump` over a real store."""

import json
import re

import pytest

TOKEN = re.compile(r"kyc_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")


def made(run, *more):
    found = run("keys", "create", "hook", "--scope", "screen", *more)
    assert found.exit_code == 0, found.output
    return TOKEN.search(found.output)[0]


def listed(run):
    return json.loads(run("keys", "list", "--format", "json").stdout)


def test_a_key_is_shown_once_and_listed_without_its_secret(run):
    token = made(run, "--scope", "read", "--expires-in", "90d", "--by", "Kim")
    [key] = listed(run)
    assert (key["name"], key["scopes"], key["created_by"]) == ("hook", ["read", "screen"], "Kim")
    assert key["expires_at"] > key["created_at"]
    shown = run("keys", "list").output
    assert token[4:20] in shown
    assert token[21:] not in shown + json.dumps(key)


def test_a_key_is_rotated_and_revoked(run):
    old = made(run)[4:20]
    new = TOKEN.search(run("keys", "rotate", old, "--overlap", "1d").output)[0][4:20]
    keys = {each["id"]: each for each in listed(run)}
    assert (keys[new]["follows"], keys[new]["scopes"]) == (old, ["screen"])
    assert keys[old]["expires_at"] is not None
    assert run("keys", "revoke", new).exit_code == 0
    assert "revoked" in run("keys", "list").output
    again = run("keys", "revoke", new)
    assert (again.exit_code, "was revoked already" in again.output) == (2, True)


WRONG = [
    ("no scope", ["keys", "create", "hook"], "Missing option '--scope'"),
    ("an unknown scope", ["keys", "create", "hook", "-s", "all"], "'all' is not one of"),
    (
        "a span that is none",
        ["keys", "create", "hook", "-s", "read", "--expires-in", "soon"],
        "`soon` is not a duration",
    ),
    ("a span of nothing", ["keys", "create", "hook", "-s", "read", "--expires-in", "0s"], "`0s` is too short"),
    ("an unknown key", ["keys", "revoke", "nonsense"], "there is no API key `nonsense`"),
]


@pytest.mark.parametrize(("arguments", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_done_is_told(run, arguments, told):
    found = run(*arguments)
    assert found.exit_code == 2
    assert told in " ".join(found.output.replace("│", " ").split())


def test_the_dump_tells_states_and_no_secret(run):
    run.write("kycrisk.yaml", "rules: rules\nservice: {listen: '127.0.0.1:9'}\n")
    token = made(run)
    found = run("support", "dump", "--output", "dump.json")
    assert found.exit_code == 0, found.output
    text = (run.folder / "dump.json").read_text()
    told = json.loads(text)
    assert told["settings"]["service"] == {
        "listen": "127.0.0.1:9",
        "database": "sqlite",
        "limits": told["settings"]["service"]["limits"],
    }
    assert told["rules"]["rules"] == {"live": 3}
    assert told["store"]["rows"]["api_keys"] == 1
    assert token not in text
    assert (run.folder / ".kycrisk" / "site.key").read_text().strip() not in text


def test_the_dump_goes_on_past_what_is_broken(run):
    run.write("rules/policy.yaml", "policy: nonsense\n")
    told = json.loads(run("support", "dump").stdout)
    assert told["rules"]["problems"]
    assert told["store"] == {"problems": told["store"]["problems"]}  # there is no site key yet
