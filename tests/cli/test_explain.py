"""`kycrisk explain`, `replay` and `eval`."""

import json
import re

import pytest

from tests.cli.conftest import SIGNUP
from tests.cli.test_screen import FLAGS, ROWS


def test_explain_one(run):
    found = run("explain", *FLAGS, "--company", "Acme", "--attribute", "plan=large", "--account-id", "a-9")
    assert (found.exit_code, found.stderr) == (0, "")
    head, facts = found.stdout.split("\nFacts\n")
    assert head == (
        "verify  a-9  score 75\n"
        "  not settled; between verify and deny, score 75 to 75\n"
        "\n"
        "Rules\n"
        "  hit     company (+45): A company signs up\n"
        '            yes     signup.company is not "" (signup.company is Acme)\n'
        "  hit     large-plan (+30): A large plan is ordered\n"
        '            yes     signup.plan is "large" (signup.plan is large)\n'
        "  unknown domain-again (at least deny): The mail domain was here before\n"
        '            unknown signups(email.domain, "1h") is at least 1\n'
        '                    (signups(email.domain, "1h") is unknown)\n'
    )
    facts, changes = facts.split("\nWhat would lower the outcome\n")
    assert re.search(r"^ {4}signup\.company +Acme$", facts, re.MULTILINE)
    assert '    signups(email.domain, "1h")  unknown: no history of earlier signups\n' in facts
    assert "  - signup.company: empty instead of Acme → allow\n" in changes
    assert "  - signup.plan: anything else instead of large → review\n" in changes


def test_explain_one_rule(run):
    assert run("explain", *FLAGS, "--rule", "company").stdout == (
        "  miss    company (+45): A company signs up\n"
        '            no      signup.company is not "" (signup.company is empty)\n'
    )


def test_explain_as_json(run):
    found = json.loads(run("explain", *FLAGS, "--company", "Acme", "--format", "json").stdout)
    assert found["decision"]["outcome"] == "review"
    assert [(each["rule"], each["finding"], each["why"]["truth"]) for each in found["rules"]] == [
        ("company", "hit", "yes"),
        ("large-plan", "unknown", "unknown"),
        ("domain-again", "unknown", "unknown"),
    ]
    assert found["changes"][0]["facts"][0]["signal"] == "signup.company"


def test_customers_hear_no_names_of_signals(site):
    found = site("-c", "samples/kycrisk.yaml", "explain", "samples/signup.json", "--customer")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[0] == "use an address at a permanent mail provider and sign up without Tor"
    assert "email." not in found.stdout


def test_explain_a_stored_decision(run):
    run.write("in.csv", ROWS)
    run("screen", "in.csv", "-o", "out.jsonl", "--history", "input")
    found = run("explain", "out.jsonl", "--pick", "a-3", "--rule", "domain-again")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == (
        "  hit     domain-again (at least deny): The mail domain was here before\n"
        '            yes     signups(email.domain, "1h") is at least 1\n'
        '                    (signups(email.domain, "1h") is 1)\n'
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ["in.csv"], 2, "kycrisk: `in.csv` holds many signups\nhelp: choose one with `--pick ACCOUNT`\n", id="many"
        ),
        pytest.param(["in.csv", "--pick", "a-9"], 2, "kycrisk: `in.csv` holds no account `a-9`\n", id="nobody"),
        pytest.param(
            ["in.csv", "--pick", "a-1", "--rule", "compny"],
            2,
            "kycrisk: there is no rule `compny`\nhelp: did you mean `company`?\n",
            id="no such rule",
        ),
        pytest.param(["bad.json"], 1, "bad.json: ip: `x` is not an IP address\n", id="no signup"),
        pytest.param(
            ["new.json"],
            1,
            "new.json: expected a decision with format `kycrisk.decision/1`, got `kycrisk.decision/9`\n",
            id="decision of another version",
        ),
    ],
)
def test_what_cannot_be_explained(run, arguments, code, message):
    run.write("in.csv", ROWS)
    run.write("bad.json", json.dumps({**SIGNUP, "ip": "x"}))
    run.write("new.json", json.dumps({"format": "kycrisk.decision/9"}))
    found = run("explain", *arguments)
    assert (found.exit_code, found.stdout, found.stderr) == (code, "", message)


@pytest.fixture
def decided(run):
    run.write("in.csv", ROWS)
    run("screen", "in.csv", "-o", "out.jsonl", "--history", "input")
    return run


def test_replay_with_the_same_rules(decided):
    found = decided("replay", "out.jsonl")
    assert (found.exit_code, found.stderr) == (0, "3 the same, 0 different\n")
    assert [line.split()[:3] for line in found.stdout.splitlines()] == [
        ["same", "allow", "a-1"],
        ["same", "review", "a-2"],
        ["same", "deny", "a-3"],
    ]
    assert "(rules " not in found.stdout


def test_replay_with_other_rules(decided):
    policy = decided.folder / "rules/policy.yaml"
    policy.write_text(policy.read_text().replace("score: 45", "score: 20"))
    found = decided("replay", "out.jsonl", "--quiet")
    assert (found.exit_code, found.stderr) == (1, "1 the same, 2 different\n")
    changed = [line for line in found.stdout.splitlines() if line.startswith(" ")]
    assert "           outcome review → allow" in changed
    assert "           score 45 → 20" in changed
    assert "(rules sha256:" in found.stdout


def test_replay_with_rules_that_differ_elsewhere(decided):
    decided.write("rules/more.yaml", "rules: []\n")
    policy = decided.folder / "rules/policy.yaml"
    policy.write_text(policy.read_text().replace("title: A large plan is ordered", "title: Large"))
    found = decided("replay", "out.jsonl")
    assert "rules sha256:" in found.stdout


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        pytest.param("", 2, "out.jsonl", id="empty"),
        pytest.param(
            "{}\n", 1, "out.jsonl:1: expected a decision with format `kycrisk.decision/1`, got `None`", id="no decision"
        ),
        pytest.param("[1]\n", 1, "out.jsonl:1: expected an object with named fields, got a list", id="no object"),
    ],
)
def test_what_cannot_be_replayed(run, text, code, message):
    run.write("out.jsonl", text)
    found = run("replay", "out.jsonl")
    assert found.exit_code == code
    assert message in found.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["ip.tor_exit and email.disposable_lists >= 2", "-g", "ip.tor_exit=true"],
            "unknown\n"
            "  unknown all of\n"
            "    yes     ip.tor_exit\n"
            "    unknown email.disposable_lists is at least 2 (email.disposable_lists is\n"
            "            unknown)\n",
            id="unknown",
        ),
        pytest.param(["ip.tor_exit or ip.vpn", "-g", "ip.vpn=yes"], None, id="an alias of true"),
        pytest.param(["ip.tor_exit", "--given", "ip.tor_exit=false"], "no\n  no      ip.tor_exit\n", id="no"),
        pytest.param(
            ['signups(ip, "24h") >= 3', "-g", 'signups(ip, "24h")=3'],
            'yes\n  yes     signups(ip.address, "24h") is at least 3 (signups(ip.address, "24h")\n          is 3)\n',
            id="a derived signal",
        ),
        pytest.param(
            ["signup.seats > 3", "-g", "signup.seats=4"],
            "yes\n  yes     signup.seats is more than 3 (signup.seats is 4)\n",
            id="an attribute",
        ),
        pytest.param(
            ['ip in "10.0.0.0/8"', "--file", "facts.json"],
            "yes\n  yes     ip.address lies in 10.0.0.0/8 (ip.address is 10.1.2.3)\n",
            id="facts of a file",
        ),
    ],
)
def test_eval(run, arguments, expected):
    run.write("facts.json", '{"ip": "10.1.2.3"}')
    found = run("eval", *arguments)
    assert found.exit_code == 0
    if expected is not None:
        assert found.stdout == expected
    else:
        assert found.stdout.startswith("yes\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["ip.tor_exi and email.local == 3"],
            "expression:1:1: unknown signal `ip.tor_exi`\n"
            "    ip.tor_exi and email.local == 3\n"
            "    ^\n"
            "help: did you mean `ip.tor_exit`?\n"
            "expression:1:31: `email.local` is str and `3` is int: they cannot be compared\n",
            id="every mistake",
        ),
        pytest.param(["ip.vpn", "-g", "ip.vpn"], "kycrisk: `--given ip.vpn` is not SIGNAL=VALUE\n", id="half a fact"),
        pytest.param(
            ["ip.vpn", "-g", "ip.vpn=maybe", "-g", "ip.vnp=true"],
            "--given ip.vpn: `maybe` is neither `true` nor `false`\n--given ip.vnp:1:1: unknown signal `ip.vnp`\n",
            id="facts that are none",
        ),
        pytest.param(
            ["ip.vpn", "--file", "facts.json"], "facts.json: ip.vpn: expected bool, got `3`\n", id="wrong type"
        ),
        pytest.param(["ip.vpn", "--file", "none.json"], "none.json: no such file or directory\n", id="no file"),
    ],
)
def test_eval_of_what_makes_no_sense_ends_with_2(run, arguments, message):
    run.write("facts.json", '{"ip.vpn": 3}')
    found = run("eval", *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in found.stderr
