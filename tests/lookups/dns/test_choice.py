"""What settings and catalogues may get wrong about zones: every problem with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kycrisk.lookups.dnsbl_catalogue import default_zones, read_zones
from kycrisk.lookups.dnsbl_choice import ZoneChoice, choose
from kycrisk.problems import Place, Problems
from kycrisk.signals import Why

CATALOGUE = read_zones(default_zones())
PLACE = Place("kycrisk.yaml", 7, 3)
SECRET = "s3cretkeythatisnotofitsform"


@pytest.mark.parametrize(
    ("name", "key", "words", "advice"),
    [
        ("sorbs", "", "`sorbs` is dead: SORBS was shut down (2024-06-05", "replace it by `spamhaus-zen`"),
        ("dnsbl.sorbs.net", "", "`dnsbl.sorbs.net` is dead", "remove it"),
        ("dul.dnsbl.SORBS.net.", "", "is dead", "remove it"),
        ("ix.dnsbl.manitu.net", "", "2025-01-16", "replace it by `psbl`"),
        ("dnsbl.ahbl.org", "", "lists the whole Internet", "remove it"),
        ("dnsbl.njabl.org", "", "is dead", "remove it"),
        ("list.dsbl.org", "", "is dead", "remove it"),
        ("dsn.rfc-ignorant.org", "", "is dead", "remove it"),
        ("dul.ru", "", "is dead", "remove it"),
        ("relays.ordb.org", "", "is dead", "remove it"),
        ("dnsbl.inps.de", "", "is dead", "remove it"),
        ("ubl.unsubscore.com", "", "is dead", "remove it"),
        ("notsorbs.net", "", "there is no blocklist `notsorbs.net`", "known: spamhaus-zen"),
        ("spamhaus-zne", "", "there is no blocklist", "did you mean `spamhaus-zen`?"),
        ("spamhaus-hbl", "", "`spamhaus-hbl` cannot be asked without a key", "`spamhaus`"),
        ("httpbl", "", "cannot be asked without a key", "projecthoneypot.org"),
        ("httpbl", SECRET, "the key `httpbl` for `httpbl` does not look like one", "[a-z]{12}"),
        ("psbl", SECRET, "`psbl` takes no key", "remove the key"),
    ],
)
def test_choices_that_cannot_be(name: str, key: str, words: str, advice: str) -> None:
    chosen = choose([ZoneChoice(name=name, place=PLACE, key=key)], CATALOGUE)
    (problem,) = chosen.problems
    assert chosen.zones == ()
    assert problem.place == PLACE
    assert words in problem.message
    assert advice in problem.help
    assert [unknown.why for unknown in chosen.unusable.values()] == [Why.NOT_CONFIGURED]
    assert SECRET not in repr(chosen) + problem.render()


def test_good_choices_stand_beside_bad_ones() -> None:
    names = ["psbl", "bl.spamcop.net", "sorbs", "psbl", "spamhaus-zrd", "spamhaus-zen"]
    key = "a" * 26
    choices = [ZoneChoice(name=name, place=PLACE, key=key if name == "spamhaus-zen" else "") for name in names]
    chosen = choose(choices, CATALOGUE)
    assert [used.zone.name for used in chosen.zones] == ["psbl", "spamcop", "spamhaus-zen"]
    assert [used.suffix for used in chosen.zones][2] == f"{key}.zen.dq.spamhaus.net"
    assert sorted(chosen.unusable) == ["sorbs", "spamhaus-zrd"]
    assert [problem.message.split("`")[1] for problem in chosen.problems] == ["sorbs", "psbl", "spamhaus-zrd"]


GOOD = """zones:
  ours:
    title: Ours
    zone: bl.example.org
    lists: ip
    query: "{subject}.bl.example.org"
    codes:
      127.0.0.2: {means: bad, text: is bad, weight: 3}
    status: alive
    as_of: "2026-11-23"
    source: ourselves
"""


def test_a_catalogue_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "dnsbl.yaml"
    path.write_text(GOOD)
    (zone,) = read_zones(path)
    assert (zone.name, zone.zone, zone.needs_key) == ("ours", "bl.example.org", False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lists: ip", "lists: ips", ":5:12: `lists`"),
        ("    title: Ours\n", "", "there is no `title`"),
        ("title: Ours", "titel: Ours", "unknown key `titel`"),
        ("zone: bl.example.org", "zone: bl example", ":4:11: `bl example` is not a zone"),
        ('query: "{subject}.bl', 'query: "{ip}.bl', ":6:12: `{ip}.bl.example.org` is no template with {subject}"),
        ('query: "{subject}.bl', 'keyed_query: "{subject}.bl', "is no template with {key} and {subject}"),
        ('    query: "{subject}.bl.example.org"\n', "", "there is neither `query` nor `keyed_query`"),
        ("127.0.0.2: {", "127.0.0: {", "`127.0.0` is not an answer"),
        ("127.0.0.2: {", "127.0.0.400: {", "`127.0.0.400` is not an answer"),
        ("127.0.0.2: {", "127.0.0.x: {", "`127.0.0.x` is not an answer"),
        ("means: bad", "means: Bad Thing", "`Bad Thing` is not a word"),
        ("weight: 3", "weight: 30", "`weight`"),
        ("weight: 3", "weight: 3, numbers: {n: 5}", "`n` is octet 5"),
        ("2026-11-23", "yesterday", "`yesterday` is not a day"),
        ("    codes:\n      127.0.0.2: {means: bad, text: is bad, weight: 3}\n", "", "neither `codes` nor `bits`"),
        ("lists: ip", "lists: email", "`hash` is for zones that list e-mail addresses"),
        ("lists: ip", "lists: ip\n    hash: crc", "unknown hash `crc`"),
        ("    codes:", "    bits: {3: {means: a, text: a, weight: 1}}\n    codes:", "`3` is not a bit"),
        ("    codes:", "    key: k\n    codes:", "`key` and `keyed_query` go together"),
        ("    status:", "    instead: nobody\n    status:", "there is no zone `nobody`"),
        ("  ours:", "  Ours!:", "`Ours!` is not a name"),
    ],
)
def test_what_may_be_wrong_in_a_catalogue(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "dnsbl.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(Problems) as caught:
        read_zones(path)
    assert message in "\n".join(map(str, caught.value.problems))
