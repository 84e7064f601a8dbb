"""Rule folders that are fine: what they are read as, and what their version depends on."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.money import Money
from kycrisk.outcome import AtLeast, AtMost, Finding, IfUnknown, Outcome, Score
from kycrisk.problems import Place, Problems
from kycrisk.ruleset.canonical import canonical_text, ruleset_from_canonical, version_of
from kycrisk.ruleset.condition import TRUE, AnyOf, Not
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import AnalystList, ListKind, Policy, Rule, Ruleset, RuleTest, Status
from kycrisk.ruleset.template import Hole, Template
from kycrisk.signals import Signal, Subject, Type
from tests.ruleset.catalogue import ALIASES, SIGNALS
from tests.ruleset.strategies import LISTS, rulesets
from tests.ruleset.strategies import SIGNALS as RANDOM_SIGNALS

POLICY = """
policy:
  bands: {review: 40, verify: 70, deny: 150}
  if_unknown: review
  unsettled: {at_least: review}
  deadline: 1s500ms
  budgets: {money: 0.02 EUR, personal_data: [email_domain, ip]}

attributes:
  signup.plan: {type: str, question: Which plan?}
  signup.tags: {type: set of str, question: Which tags?}

lists:
  partners: {kind: domain, question: Whom do we know?}
"""
RULES = """
rules:
  - id: tor-exit
    title: Signed up through Tor
    when: ip.tor_exit
    score: 45
    reason: "{ip} was a Tor exit on {ip.tor_exit.as_of}"
    tests:
      - {name: exit, given: {ip.tor_exit: true}, expect: hit}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load texts as the files of a folder, in this order."""
    monkeypatch.chdir(tmp_path)

    def load_texts(*texts: str) -> Ruleset:
        for number, text in enumerate(texts):
            Path(f"{number}.yaml").write_text(text)
        paths = [f"{number}.yaml" for number in range(len(texts))]
        return load_ruleset(paths, signals=SIGNALS, aliases=ALIASES)

    return load_texts


def test_policy(load):
    ruleset = load(POLICY)
    plan = Signal(name="signup.plan", type=Type.STR, question="Which plan?", subject=Subject.SIGNUP)
    tags = Signal(name="signup.tags", type=Type.STR_SET, question="Which tags?", subject=Subject.SIGNUP)
    assert ruleset.policy == Policy(
        bands=((40, Outcome.REVIEW), (70, Outcome.VERIFY), (150, Outcome.DENY)),
        if_unknown=IfUnknown.REVIEW,
        unsettled_floor=Outcome.REVIEW,
        deadline=timedelta(milliseconds=1500),
        money=Money(amount=Decimal("0.02"), currency="EUR"),
        personal_data=("email_domain", "ip"),
        attributes={"signup.plan": plan, "signup.tags": tags},
        lists={"partners": AnalystList(name="partners", kind=ListKind.DOMAIN, question="Whom do we know?")},
    )
    assert ruleset.rules == ()
    assert ruleset.signals == {**SIGNALS, "signup.plan": plan, "signup.tags": tags}


def test_shortest_policy(load):
    assert load("policy: {bands: {verify: 70}}").policy == Policy(bands=((70, Outcome.VERIFY),))


def test_rule(load):
    [rule] = load(RULES, POLICY).rules
    source = "      - {name: exit, given: {ip.tor_exit: true}, expect: hit}"
    assert rule == Rule(
        id="tor-exit",
        title="Signed up through Tor",
        status=Status.LIVE,
        condition=rule.condition,
        when="ip.tor_exit",
        contribution=Score(45),
        reason=Template((Hole("ip.address"), " was a Tor exit on ", Hole("ip.tor_exit", as_of=True))),
        if_unknown=IfUnknown.REVIEW,  # the policy's, which stands in the second file
        tests=(
            RuleTest(
                name="exit",
                given={"ip.tor_exit": True},
                expect=Finding.HIT,
                place=Place("0.yaml", 9, 9, source),
            ),
        ),
        place=Place("0.yaml", 3, 5, "  - id: tor-exit"),
    )


def rule_with(line: str) -> str:
    """A rule whose `score:` is replaced by a line."""
    return RULES.replace("score: 45", line)


def condition_of(load, when: str) -> str:
    [rule] = load(POLICY, RULES.replace("when: ip.tor_exit", f"when: {when}")).rules
    return rule.when


def test_all_keys(load):
    text = rule_with("""at_least: verify
    binding: true
    status: shadow
    if_unknown: hit
    description: |
      First line.

      Second line.
    tags: [anonymity, own-list]
    references: [https://www.torproject.org/]
    false_positives:
      - journalists
      - people in censored countries""")
    [rule] = load(POLICY, text).rules
    assert rule.contribution == AtLeast(Outcome.VERIFY, binding=True)
    assert rule.status is Status.SHADOW
    assert rule.if_unknown is IfUnknown.HIT
    assert rule.description == "First line.\n\nSecond line."
    assert rule.tags == ("anonymity", "own-list")
    assert rule.references == ("https://www.torproject.org/",)
    assert rule.false_positives == ("journalists", "people in censored countries")


CONTRIBUTIONS = {
    "points": ("score: 100000", Score(100_000)),
    "trust": ("score: -5", Score(-5)),
    "a plus sign": ("score: +5", Score(5)),
    "a floor": ("at_least: review", AtLeast(Outcome.REVIEW)),
    "a floor that says it is not binding": ("at_least: deny\n    binding: false", AtLeast(Outcome.DENY)),
    "a cap": ("at_most: allow", AtMost(Outcome.ALLOW)),
}


@pytest.mark.parametrize(("line", "expected"), CONTRIBUTIONS.values(), ids=CONTRIBUTIONS)
def test_contribution(line, expected, load):
    assert load(POLICY, rule_with(line)).rules[0].contribution == expected


CONDITIONS = {
    "an expression": ("ip.tor_exit and not ip.vpn", "ip.tor_exit and (not ip.vpn)"),
    "in quotes": ("'ip.country == \"CH\"'", 'ip.country == "CH"'),
    "over two lines": ("ip.tor_exit\n      and ip.vpn", "ip.tor_exit and ip.vpn"),
    "folded": (">-\n      ip.tor_exit\n      and ip.vpn", "ip.tor_exit and ip.vpn"),
    "literal": ("|\n      ip.tor_exit\n        and ip.vpn\n", "ip.tor_exit and ip.vpn"),
    "all": ("{all: [ip.tor_exit, ip.vpn]}", "ip.tor_exit and ip.vpn"),
    "any": ("{any: [ip.tor_exit, ip.vpn]}", "ip.tor_exit or ip.vpn"),
    "none": ("{none: [ip.tor_exit, ip.vpn]}", "not (ip.tor_exit or ip.vpn)"),
    "all of one": ("{all: [ip.tor_exit]}", "ip.tor_exit"),
    "any of one": ("{any: [ip.tor_exit]}", "ip.tor_exit"),
    "none of one": ("{none: [ip.tor_exit]}", "not ip.tor_exit"),
    "a tree in a tree": (
        "{all: [ip.vpn, any: [ip.tor_exit, {none: [email.disposable]}]]}",
        "ip.vpn and (ip.tor_exit or (not email.disposable))",
    ),
    "a list, an attribute": (
        'email.domain in list("partners") and "vip" in signup.tags',
        '(email.domain in list("partners")) and "vip" in signup.tags',
    ),
    "always": ("true", "true"),
}


@pytest.mark.parametrize(("when", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_condition(when, expected, load):
    assert condition_of(load, when) == expected


def test_trees_are_the_conditions_that_they_say(load):
    tree = RULES.replace("when: ip.tor_exit", "when: {none: [ip.vpn, ip.tor_exit]}")
    [rule] = load(POLICY, tree).rules
    assert isinstance(rule.condition, Not)
    assert isinstance(rule.condition.item, AnyOf)
    [rule] = load(POLICY, RULES.replace("when: ip.tor_exit", "when: true")).rules
    assert rule.condition == TRUE


GIVEN = {
    "a text": ("{ip.country: CH}", {"ip.country": "CH"}),
    "Norway in quotes": ('{ip.country: "NO"}', {"ip.country": "NO"}),
    "an empty text": ('{ip.country: ""}', {"ip.country": ""}),
    "a number": ("{email.disposable_lists: 3, fraud.score: 3}", {"email.disposable_lists": 3, "fraud.score": 3.0}),
    "an address by its alias": ("{ip: 192.0.2.7}", {"ip.address": ip_address("192.0.2.7")}),
    "a version 6 address": ('{ip: "2001:db8::1"}', {"ip.address": ip_address("2001:db8::1")}),
    "a duration": ("{account.age: 1h30m}", {"account.age": timedelta(minutes=90)}),
    "a time": (
        '{signup.submitted_at: "2026-01-01T12:00:00+02:00"}',
        {"signup.submitted_at": datetime(2026, 1, 1, 10, tzinfo=UTC)},
    ),
    "a set": ("{ip.feeds: [drop, tor]}", {"ip.feeds": frozenset({"drop", "tor"})}),
    "an empty set": ("{ip.feeds: []}", {"ip.feeds": frozenset()}),
    "an attribute": ("{signup.plan: vps-1}", {"signup.plan": "vps-1"}),
    "a count by any spelling": ("{'signups( ip , \"60m\")': 4}", {'signups(ip.address, "1h")': 4}),
    "a member of a list": (
        "{'email.domain in list(\"partners\")': false}",
        {'email.domain in list("partners")': False},
    ),
    "nothing": ("{}", {}),
}


@pytest.mark.parametrize(("given", "expected"), GIVEN.values(), ids=GIVEN)
def test_given(given, expected, load):
    [rule] = load(POLICY, RULES.replace("{ip.tor_exit: true}", given)).rules
    assert rule.tests[0].given == expected


def test_files_in_the_order_of_their_names(tmp_path):
    for name in ("b.yaml", "a.yaml", "B.yaml"):
        (tmp_path / name).write_text(RULES.replace("tor-exit", f"rule-{ord(name[0])}"))
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / ".hidden.yaml").write_text("not read: [")
    (tmp_path / "verification").mkdir()
    (tmp_path / "verification" / "x.yaml").write_text("not read: [")
    (tmp_path / "lists").mkdir()
    ruleset = load_ruleset(tmp_path, signals=SIGNALS, aliases=ALIASES)
    assert [rule.id for rule in ruleset.rules] == ["rule-66", "rule-97", "rule-98"]


SAME_VERSION = {
    "comments and blank lines": ("\nrules:", "\n# why\n\nrules: # these"),
    "quotes": ("when: ip.tor_exit", 'when: "ip.tor_exit"'),
    "spaces in a condition": ("when: ip.tor_exit", "when: ( ip.tor_exit )"),
    "a tree for an expression": ("when: ip.tor_exit", "when: {all: [ip.tor_exit]}"),
    "an alias for its signal": ("{ip} was", "{ip.address} was"),
    "a default that is written": ("score: 45", "score: 45\n    status: live\n    if_unknown: review"),
    "notes": ("score: 45", "score: 45\n    description: why\n    tags: [a]\n    references: [b]"),
    "false positives": ("score: 45", "score: 45\n    false_positives: [c]"),
    "tests": ("expect: hit}", "expect: hit}\n      - {name: none, given: {}, expect: unknown}"),
    "a draft": ("\nrules:", "\nrules:\n  - {id: d, title: t, when: ip.vpn, score: 1, reason: r, status: draft}"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME_VERSION.values(), ids=SAME_VERSION)
def test_version_is_the_same(old, new, load):
    version = load(POLICY, RULES).version
    assert version.startswith("sha256:")
    assert load(POLICY, RULES.replace(old, new)).version == version


OTHER_VERSION = {
    "a condition": ("when: ip.tor_exit", "when: ip.vpn"),
    "points": ("score: 45", "score: 46"),
    "a title": ("Signed up", "Signing up"),
    "a reason": ("was a Tor", "is a Tor"),
    "an id": ("tor-exit", "tor-exits"),
    "a status": ("score: 45", "score: 45\n    status: shadow"),
    "if_unknown": ("score: 45", "score: 45\n    if_unknown: miss"),
    "a band": ("verify: 70", "verify: 71"),
    "the deadline": ("1s500ms", "1s501ms"),
    "the money": ("0.02 EUR", "0.02 USD"),
    "what may be told": ("[email_domain, ip]", "[email_domain]"),
    "the floor of what is not settled": ("at_least: review", "at_least: verify"),
    "a list's kind": ("kind: domain", "kind: text"),
    "an attribute's type": ("type: str", "type: int"),
}


@pytest.mark.parametrize(("old", "new"), OTHER_VERSION.values(), ids=OTHER_VERSION)
def test_version_is_another(old, new, load):
    assert load(POLICY.replace(old, new), RULES.replace(old, new)).version != load(POLICY, RULES).version


def test_version_stays_the_same_over_the_years(load):
    """A change of this hash orphans every stored decision: it may change only together with `canonical.FORMAT`."""
    ruleset = load(POLICY, RULES)
    assert canonical_text(ruleset) == (
        '{"attributes":{"signup.plan":{"question":"Which plan?","type":"str"},'
        '"signup.tags":{"question":"Which tags?","type":"set of str"}},'
        '"format":"kycrisk.ruleset/1",'
        '"lists":{"partners":{"kind":"domain","question":"Whom do we know?"}},'
        '"policy":{"bands":[[40,"review"],[70,"verify"],[150,"deny"]],"deadline":"1s500ms","if_unknown":"review",'
        '"money":["0.02","EUR"],"personal_data":["email_domain","ip"],"unsettled_floor":"review"},'
        '"rules":[{"contribution":{"score":45},"id":"tor-exit","if_unknown":"review",'
        '"reason":[{"as_of":false,"signal":"ip.address"}," was a Tor exit on ",{"as_of":true,"signal":"ip.tor_exit"}],'
        '"status":"live","title":"Signed up through Tor","when":"ip.tor_exit"}]}'
    )
    assert ruleset.version == "sha256:a1ff42b6efa83c0177f1c2f9b6da4337b6410ee6ffdb294c843c22303996dc76"


def test_canonical_text_is_read_back(load):
    ruleset = load(POLICY, RULES, RULES.replace("tor-exit", "other").replace("score: 45", "at_most: review"))
    text = canonical_text(ruleset)
    again = ruleset_from_canonical(text, signals=SIGNALS, aliases=ALIASES)
    assert (again.policy, again.version, again.signals) == (ruleset.policy, ruleset.version, ruleset.signals)
    assert [(rule.id, rule.condition, rule.reason) for rule in again.rules] == [
        (rule.id, rule.condition, rule.reason) for rule in ruleset.rules
    ]


def test_canonical_text_of_a_list_that_was_written_shorter(load):
    """A canonical condition may be longer than what people may write."""
    numbers = ",".join(f'"10.0.{number // 256}.{number % 256}"' for number in range(300))
    ruleset = load(POLICY, RULES.replace("when: ip.tor_exit", f"when: ip in [{numbers}]"))
    assert len(ruleset.rules[0].when) > 4000
    again = ruleset_from_canonical(canonical_text(ruleset), signals=SIGNALS, aliases=ALIASES)
    assert again.rules[0].condition == ruleset.rules[0].condition


def test_canonical_text_of_the_deepest_tree(load):
    """YAML's depth and an expression's depth add up to more than one expression may have."""
    deep = "ip.vpn and (ip.tor_exit or (" * 18 + "not ip.vpn" + "))" * 18
    for _ in range(9):
        deep = f"{{any: [ip.vpn, {{all: [ip.tor_exit, {deep}]}}]}}"
    ruleset = load(POLICY, RULES.replace("when: ip.tor_exit", f"when: {deep}"))
    assert compile_ruleset(ruleset).verdict({"ip.tor_exit": True, "ip.vpn": True}).hits == ("tor-exit",)
    again = ruleset_from_canonical(canonical_text(ruleset), signals=SIGNALS, aliases=ALIASES)
    assert again.rules[0].condition == ruleset.rules[0].condition


NO_CANONICAL_TEXT = {
    "another form": '{"format":"kycrisk.ruleset/2"}',
    "no object": "[]",
    "no JSON": "rules: []",
}


@pytest.mark.parametrize("text", NO_CANONICAL_TEXT.values(), ids=NO_CANONICAL_TEXT)
def test_text_that_is_no_canonical_one(text):
    with pytest.raises(ValueError):
        ruleset_from_canonical(text, signals=SIGNALS, aliases=ALIASES)


@given(ruleset=rulesets())
def test_any_ruleset_survives_its_canonical_text(ruleset):
    """Every condition that there is, and not only those that were thought of above."""
    ruleset = Ruleset(
        policy=Policy(bands=ruleset.policy.bands, lists=LISTS),
        rules=ruleset.rules,
        version="",
        signals=RANDOM_SIGNALS,
    )
    again = ruleset_from_canonical(canonical_text(ruleset), signals=RANDOM_SIGNALS, aliases={})
    kept = [rule for rule in ruleset.rules if rule.status in (Status.LIVE, Status.SHADOW)]
    assert [rule.condition for rule in again.rules] == [rule.condition for rule in kept]
    assert [rule.contribution for rule in again.rules] == [rule.contribution for rule in kept]
    assert canonical_text(again) == canonical_text(ruleset)
    assert again.version == version_of(ruleset)


@given(title=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_title_is_read_or_refused(title, tmp_path_factory):
    """Nothing that an analyst may write in quotes ends in anything but a ruleset or problems."""
    path = tmp_path_factory.mktemp("any") / "rules.yaml"
    path.write_bytes((POLICY + RULES.replace("Signed up through Tor", f'"{title}"')).encode())
    with suppress(Problems):
        [rule] = load_ruleset([path], signals=SIGNALS, aliases=ALIASES).rules
        assert rule.title == rule.title.strip() != ""


def test_a_thousand_rules_load_within_a_second(tmp_path):
    """The shipped rules, repeated to 1,003, take 0.4 s. The best of three, of processor time."""
    one = RULES.removeprefix("\nrules:\n") + "      - {name: other, given: {ip.tor_exit: false}, expect: miss}\n"
    (tmp_path / "rules.yaml").write_text(
        POLICY + "\nrules:\n" + "".join(one.replace("tor-exit", f"rule-{number}") for number in range(1000))
    )

    def seconds() -> float:
        start = time.process_time()
        assert len(load_ruleset(tmp_path, signals=SIGNALS, aliases=ALIASES).rules) == 1000
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 1
