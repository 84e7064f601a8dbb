"""Conditions as text: what is read, what is refused, and where the message points."""

import pytest

from kycrisk.ruleset.condition import InNetworks, Matches, Not, SignalRef
from kycrisk.ruleset.model import AnalystList, ListKind
from kycrisk.ruleset.parse import ConditionErrors, Scope, parse_condition, parse_signal
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import Signal, Subject, Type

SIGNALS = {
    name: Signal(name, type_, "which?", Subject.SIGNUP)
    for name, type_ in {
        "ip.address": Type.IP,
        "ip.country": Type.STR,
        "ip.tor_exit": Type.BOOL,
        "email.disposable": Type.BOOL,
        "email.disposable_lists": Type.INT,
        "email.domain": Type.STR,
        "email.local": Type.STR,
        "email.tags": Type.STR_SET,
        "domain.age": Type.DURATION,
        "signup.submitted_at": Type.DATETIME,
    }.items()
}
LISTS = {
    "partners": AnalystList(name="partners", kind=ListKind.DOMAIN, question="who?"),
    "office": AnalystList(name="office", kind=ListKind.NETWORK, question="where?"),
}
SCOPE = Scope(SIGNALS, {"ip": "ip.address"}, LISTS)

READ = {
    "a plain signal": ("ip.tor_exit", "ip.tor_exit"),
    "yaml's true": ("true", "true"),
    "and binds tighter than or": (
        "ip.tor_exit or email.disposable and ip.tor_exit",
        "ip.tor_exit or (email.disposable and ip.tor_exit)",
    ),
    "a chain of comparisons": (
        "1 < email.disposable_lists <= 4",
        "1 < email.disposable_lists and email.disposable_lists <= 4",
    ),
    "not in": ('ip.country not in ["CH", "DE"]', 'not ip.country in ["CH", "DE"]'),
    "an alias": ('ip in "10.0.0.0/8"', 'ip.address in ["10.0.0.0/8"]'),
    "a single address as a network": ('ip in ["192.0.2.7"]', 'ip.address in ["192.0.2.7/32"]'),
    "an address constant": ('ip == "2001:DB8::1"', 'ip.address == "2001:db8::1"'),
    "a duration constant": ('domain.age < "48h"', 'domain.age < "2d"'),
    "a date constant": (
        'signup.submitted_at >= "2026-01-31"',
        'signup.submitted_at >= "2026-01-31T00:00:00Z"',
    ),
    "times subtract to a duration": (
        'signup.submitted_at - signup.submitted_at > "1h"',
        'signup.submitted_at - signup.submitted_at > "1h"',
    ),
    "a time less a duration": (
        'signup.submitted_at - "1h" < "2026-01-31"',
        'signup.submitted_at - "1h" < "2026-01-31T00:00:00Z"',
    ),
    "a member of a set": ('"vip" in email.tags', '"vip" in email.tags'),
    "an analyst's list": ('email.domain in list("partners")', 'email.domain in list("partners")'),
    "velocity": ('signups(ip, "24h") >= 3', 'signups(ip.address, "24h") >= 3'),
    "velocity in other units": ('signups(ip, "1440m") >= 3', 'signups(ip.address, "24h") >= 3'),
    "distinct values": ('distinct(email.domain, ip, "7d") > 5', 'distinct(email.domain, ip.address, "7d") > 5'),
    "a pattern keeps its backslashes": (r'matches(email.local, "^\d+\.x$")', r'matches(email.local, "^\d+\.x$")'),
    "quotes inside quotes": ("email.local == 'say \"hi\"'", "email.local == 'say \"hi\"'"),
    "several lines": ("ip.tor_exit\n  and email.disposable\n", "ip.tor_exit and email.disposable"),
    "arithmetic": ("(email.disposable_lists + 1) / 2 > 1.5", "(email.disposable_lists + 1) / 2 > 1.5"),
}


@pytest.mark.parametrize(("text", "canonical"), READ.values(), ids=READ.keys())
def test_reads(text, canonical):
    assert condition_text(parse_condition(text, SCOPE)) == canonical


REFUSED = {
    "unknown signal": ("ip.tor_exits", [(0, "unknown signal `ip.tor_exits`", "did you mean `ip.tor_exit`?")]),
    "every unknown signal": (
        "foo.bar and not zap.zip",
        [
            (0, "unknown signal `foo.bar`", "`kycrisk signals` lists them all"),
            (16, "unknown signal `zap.zip`", "`kycrisk signals` lists them all"),
        ],
    ),
    "letters in a text": (
        'ip.country in "CH"',
        [
            (
                14,
                '`ip.country in "CH"` would look for letters in a text',
                'write `ip.country == "CH"`, `ip.country in ["CH"]` or `contains("CH", ip.country)`',
            )
        ],
    ),
    "bool beside a number": (
        "email.disposable == 1",
        [
            (
                20,
                "`email.disposable` is bool and `1` is int: they cannot be compared",
                "write `email.disposable` or `not email.disposable`",
            )
        ],
    ),
    "number beside a text": (
        'email.disposable_lists == "2"',
        [
            (
                26,
                '`email.disposable_lists` is int and `"2"` is str: they cannot be compared',
                "compare it with a number: `email.disposable_lists >= 1`",
            )
        ],
    ),
    "a text is no condition": (
        "email.domain",
        [(0, "`email.domain` is str, not a yes or no", 'compare it with a text: `email.domain == "..."`')],
    ),
    "texts have no order": (
        'email.domain < "b"',
        [(0, "str has no order, so `<` cannot compare it", "use `==` or `!=`")],
    ),
    "one equals sign": ("email.disposable = true", [(17, "`=` does not compare", "write `==` to compare")]),
    "and in symbols": (
        "ip.tor_exit && email.disposable",
        [(13, "the condition cannot be read here", "write `and`, `or` and `not` in words")],
    ),
    "none is not a value": (
        "ip.country == None",
        [(14, "`None` is not a value", "there is no test for unknown; say `if_unknown:` on the rule")],
    ),
    "unknown is not a value": (
        "ip.country == unknown",
        [(14, "`unknown` is not a value", "there is no test for unknown; say `if_unknown:` on the rule")],
    ),
    "bits behind the prefix": (
        'ip in "10.0.0.1/8"',
        [(6, "`10.0.0.1/8` has bits set behind its prefix", "did you mean `10.0.0.0/8`?")],
    ),
    "a pattern RE2 refuses": (
        'matches(email.local, "(?=x)")',
        [
            (
                21,
                "the pattern cannot be read: invalid perl operator: (?=",
                "RE2 has no look-around and no back-references",
            )
        ],
    ),
    "unknown list": (
        'email.domain in list("partner")',
        [(21, "unknown list `partner`", "did you mean `partners`?")],
    ),
    "a list of another kind": (
        'email.domain in list("office")',
        [(0, "list `office` holds network entries, `email.domain` is str", "")],
    ),
    "a naive time": (
        'signup.submitted_at > "2026-01-31T10:00:00"',
        [(22, "`2026-01-31T10:00:00` has no time zone", "write `Z` or an offset behind it")],
    ),
    "not a duration": (
        'domain.age < "a day"',
        [(13, "`a day` is not a duration such as `24h`, `90s` or `7d`", "")],
    ),
    "unknown function": (
        'startswith(email.local, "x")',
        [(0, "unknown function `startswith`", "did you mean `starts_with`?")],
    ),
    "too few arguments": (
        "signups(ip)",
        [(0, "`signups` takes 2 arguments, got 1", 'write `signups(ip, "24h")`')],
    ),
    "an empty list": (
        "ip.country in []",
        [(14, "the list is empty, so nothing is ever in it", "put at least one constant in it")],
    ),
    "strings side by side": (
        'ip.country in ["CH" "DE"]',
        [(20, "two strings side by side", "is a comma missing?")],
    ),
    "a comment": (
        "ip.tor_exit # always",
        [
            (
                12,
                "`#` does not start a comment inside a condition",
                "put the comment on a line of its own in the YAML file",
            )
        ],
    ),
    "an open string": ('email.local == "x', [(15, 'the string that starts here is not closed by `"`', "")]),
    "nothing": ("  ", [(0, "the condition is empty", "write an expression such as `ip.tor_exit`")]),
    "a function of Python": (
        "[x for x in y]",
        [(0, "a comprehension has no meaning in a condition", "")],
    ),
    "a dunder": (
        "ip.tor_exit.__class__",
        [(0, "unknown signal `ip.tor_exit.__class__`", "`kycrisk signals` lists them all")],
    ),
    "an import": (
        '__import__("os")',
        [
            (
                0,
                "unknown function `__import__`",
                "there are matches, starts_with, ends_with, contains, lower, signups, distinct, list",
            )
        ],
    ),
    "a wide letter before the error": (
        'email.local == "é" and foo.bar',
        [(23, "unknown signal `foo.bar`", "`kycrisk signals` lists them all")],
    ),
}


@pytest.mark.parametrize(("text", "errors"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(text, errors):
    with pytest.raises(ConditionErrors) as raised:
        parse_condition(text, SCOPE)
    assert [(each.offset, each.message, each.help) for each in raised.value.errors] == errors


BEYOND = {
    "brackets": "(" * 200_000,
    "closed brackets": "(" * 1500 + "ip.tor_exit" + ")" * 1500,
    "nots": "not " * 900 + "ip.tor_exit",
    "minus signs": "email.disposable_lists > " + "-" * 3000 + "1",
    "sums": "email.disposable_lists > " + "1+" * 1500 + "1",
    "attributes": "a" + ".a" * 1900,
    "length": "ip.tor_exit or " * 1000 + "ip.tor_exit",
}


@pytest.mark.parametrize("text", BEYOND.values(), ids=BEYOND.keys())
def test_what_is_beyond_the_limits_is_a_message_and_not_a_crash(text):
    with pytest.raises(ConditionErrors) as raised:
        parse_condition(text, SCOPE)
    assert len(raised.value.errors) == 1


def test_a_list_of_constants_is_limited():
    text = f"email.disposable_lists in [{', '.join('1' for _ in range(1001))}]"
    with pytest.raises(ConditionErrors, match="the list has 1001 constants, at most 1000 are read"):
        parse_condition(text, SCOPE)


def test_trees_are_what_they_say():
    assert parse_condition('not ip in "10.0.0.0/8"', SCOPE) == Not(parse_condition('ip in "10.0.0.0/8"', SCOPE))
    assert isinstance(parse_condition('ip in ["10.0.0.0/8", "2001:db8::/32"]', SCOPE), InNetworks)
    assert isinstance(parse_condition('matches(email.local, "x")', SCOPE), Matches)


def test_a_signal_alone_is_read_for_templates_and_tests():
    assert parse_signal("ip", SCOPE) == SignalRef("ip.address", Type.IP)
    assert parse_signal('signups(ip, "24h")', SCOPE).name == 'signups(ip.address, "24h")'
    assert parse_signal('email.domain in list("partners")', SCOPE).name == 'email.domain in list("partners")'
    with pytest.raises(ConditionErrors, match="this is not a signal"):
        parse_signal("email.disposable_lists >= 2", SCOPE)
