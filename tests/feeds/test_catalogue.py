"""Catalogues: what they say, what is wrong with them, how one overrides another."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kycrisk.feeds.catalogue import NEVER, default_catalogue, independent_lineages, read_catalogues
from kycrisk.feeds.formats import FORMATS
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.problems import Problems
from tests.feeds.making import NOW, feed

GOOD = """\
feeds:
  tor-bulk:
    title: Tor exits
    purpose: tor_exit
    kind: networks
    url: https://check.torproject.org/torbulkexitlist
    licence: none stated
    lineage: tor-project
    trust: trusted
    refresh: 1h
    max_age: 2d
    minimum: 300
"""


def read(folder: Path, *texts: str) -> object:
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.yaml"
        path.write_text(text)
        paths.append(path)
    return read_catalogues(paths)


def test_good(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == (
        feed(
            name="tor-bulk",
            title="Tor exits",
            purpose="tor_exit",
            kind="networks",
            url="https://check.torproject.org/torbulkexitlist",
            licence="none stated",
            lineage="tor-project",
            trust="trusted",
            refresh=timedelta(hours=1),
            max_age=timedelta(days=2),
            minimum=300,
        ),
    )


def test_a_later_catalogue_overrides_single_settings(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    ours = tmp_path / "site" / "feeds.yaml"
    ours.write_text("feeds:\n  tor-bulk: {url: lists/tor.txt, max_age: never, enabled: false}\n")
    (tmp_path / "0.yaml").write_text(GOOD)
    (merged,) = read_catalogues([tmp_path / "0.yaml", ours])
    assert merged.url == str(tmp_path / "site" / "lists" / "tor.txt")  # relative to the file it stands in
    assert (merged.max_age, merged.enabled, merged.minimum) == (NEVER, False, 300)


BAD = [
    ("purpose", "purpose: tor_exits", "0.yaml:4:14: unknown purpose `tor_exits`", "did you mean `tor_exit`?"),
    ("kind", "kind: pictures", "0.yaml:5:11: unknown kind `pictures`", "known: domains"),
    (
        "kind that cannot hold it",
        "kind: domains",
        "a list of kind `domains` cannot hold what `tor_exit` asks",
        "",
    ),
    ("trust", "trust: maybe", "`trust` is neither `trusted` nor `corroborating`", ""),
    ("duration", "refresh: hourly", "`hourly` is not a duration such as `24h`", ""),
    ("duration without a unit", "refresh: 3600", "`3600` is not a duration", ""),
    ("a list that is never refreshed", "refresh: never", "`never` is not a duration", ""),
    ("duration of nothing", "refresh: 0h", "`0h` is not longer than nothing", ""),
    (
        "stale before refreshed",
        "max_age: 30m",
        "`tor-bulk` would be stale before it is refreshed",
        "make `refresh`",
    ),
    ("url", "url: ftp://lists.example/a", "`url`: `ftp` is not a way to fetch lists", ""),
    ("number", "minimum: many", "`minimum` is not a whole number", ""),
    ("number below one", "minimum: 0", "`minimum` is less than 1", ""),
    (
        "word for a truth value",
        "enabled: no",
        "0.yaml:13:14: `no` without quotes is a yes or no",
        'write "no" in quotes',
    ),
    ("text that reads as a number", "title: 7", "`title` is not a text; put quotes", ""),
    ("empty text", 'licence: ""', "`licence` is empty", ""),
    ("nothing", "licence:", "`licence` is not a text", ""),
    ("lineage", "lineage: Tor Project", "`Tor Project` is not a name of lower-case letters", ""),
    ("text for a list", "copies: other", "`copies` is not a list", ""),
    (
        "unknown key",
        "licence: a\n    maxage: 2d",
        "0.yaml:8:5: unknown key `maxage`",
        "did you mean `max_age`?",
    ),
    (
        "doubled key",
        "trust: trusted\n    trust: trusted",
        "0.yaml:10:5: the key `trust` stands twice",
        "keep one of them",
    ),
    (
        "copy of nothing",
        "copies: []\n    copy_of: tor-bulky",
        "there is no feed `tor-bulky`",
        "did you mean `tor-bulk`?",
    ),
    ("mapping for a text", "title: {a: b}", "`title` is not a text", ""),
]


@pytest.mark.parametrize(("line", "words", "help_"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad(tmp_path: Path, line: str, words: str, help_: str) -> None:
    key = line.partition(":")[0]
    lines = GOOD.splitlines()
    of_key = [number for number, given in enumerate(lines) if given.strip().startswith(f"{key}:")]
    at = of_key[0] if of_key else len(lines)
    lines[at : at + 1] = [f"    {line}"]
    with pytest.raises(Problems) as caught:
        read(tmp_path, "\n".join(lines) + "\n")
    (problem,) = caught.value.problems
    assert words in str(problem)
    assert help_ in problem.help


BAD_FILES = [
    ("no yaml", "feeds: [", "a value is missing here"),
    ("a tab", "feeds:\n\tx: y", "a tab cannot indent here"),
    ("not a mapping", "- a", "has no `feeds:`"),
    ("empty", "", "has no `feeds:`"),
    ("another key", "feed: {}", "unknown key `feed`"),
    ("feeds is a list", "feeds: [a]", "`feeds` is not a mapping of names to feeds"),
    ("feed is a text", "feeds: {a: b}", "feed `a` is not a mapping of settings"),
    ("feed of no name", "feeds: {A B: {title: x}}", "`A B` is not a name of lower-case letters"),
    ("key is a list", "feeds: {[a]: b}", "a list or mapping cannot be a key"),
    ("alias", "feeds: {a: &a {title: x}, b: *a}", "`&a` is a YAML anchor, which is not read here"),
    ("200,000 brackets", "feeds: " + "[" * 200_000, "the file nests deeper than 40 levels"),
    ("control characters", "feeds: \x01", "the character U.0001 has no place in YAML"),
]


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in BAD_FILES], ids=[row[0] for row in BAD_FILES])
def test_bad_files(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Problems, match=words):
        read(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"feeds: \xff")
    (tmp_path / "large.yaml").write_bytes(b"#" * 2_000_001)
    paths = [tmp_path / "none.yaml", tmp_path / "latin.yaml", tmp_path / "large.yaml"]
    with pytest.raises(Problems) as caught:
        read_catalogues(paths)
    assert [str(problem).partition(": ")[2] for problem in caught.value.problems] == [
        "cannot be read: no such file or directory",
        "the byte 0xff is not UTF-8",
        "is larger than 2 MB",
    ]


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        read(tmp_path, GOOD.replace("tor_exit", "x").replace("1h", "x"), "feeds: {other: {title: a}}")
    messages = [problem.message for problem in caught.value.problems]
    assert messages[:2] == ["unknown purpose `x`", "`x` is not a duration such as `24h`, `90s` or `7d`"]
    assert "feed `other` has no `url`" in messages
    assert len(messages) == 2 + 8


def test_a_problem_shows_its_line(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        read(tmp_path, GOOD.replace("kind: networks", "kind: network"))
    assert caught.value.problems[0].render() == (
        f"{tmp_path}/0.yaml:5:11: unknown kind `network`\n"
        "        kind: network\n"
        "              ^\n"
        "help: did you mean `networks`?"
    )


LINEAGES = [
    ("one list", [("a", ())], ("a",)),
    ("two copies of one", [("a", ()), ("a", ())], ("a",)),
    ("two witnesses", [("a", ()), ("b", ())], ("a", "b")),
    ("a list and its aggregate", [("a", ()), ("all", ("a", "b"))], ("a",)),
    ("an aggregate of others", [("a", ()), ("all", ("b", "c"))], ("a", "all")),
    ("lists that copy each other", [("a", ("b",)), ("b", ("a",))], ("a",)),
    ("nothing", [], ()),
]


@pytest.mark.parametrize(("hits", "independent"), [row[1:] for row in LINEAGES], ids=[row[0] for row in LINEAGES])
def test_independent_lineages(hits: list[tuple[str, tuple[str, ...]]], independent: tuple[str, ...]) -> None:
    feeds = [feed(lineage=lineage, copies=copies) for lineage, copies in hits]
    assert independent_lineages(feeds) == independent


def test_the_shipped_catalogue(tmp_path: Path) -> None:
    feeds = read_catalogues([default_catalogue()])
    served = {one.purpose for one in feeds if one.enabled}
    assert set(PURPOSES) - served == {"email_blocklist"}  # nobody publishes one that may be used freely
    lists = Lists.open(feeds, tmp_path, NOW)
    assert lists.unknown("disposable_domain", "trusted") is None
    for purpose in ("mail_provider", "mail_forwarder", "protected_domain"):
        assert lists.unknown(purpose) is None


def test_its_head_names_every_purpose_and_kind() -> None:
    head = default_catalogue().read_text().partition("\nfeeds:\n")[0]
    assert [name for name in (*PURPOSES, *FORMATS) if name not in head] == []


def test_every_network_feed_of_the_shipped_catalogue_is_encrypted() -> None:
    urls = [one.url for one in read_catalogues([default_catalogue()])]
    assert [url for url in urls if url.startswith("http:")] == []


def test_shipped_lists_are_clean(tmp_path: Path) -> None:
    feeds = read_catalogues([default_catalogue()])
    lists = Lists.open(feeds, tmp_path, NOW)
    for name in ("mail_provider", "mail_forwarder", "protected_domain"):
        text = (default_catalogue().parent / "lists" / f"{name}.txt").read_text()
        written = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(written) == len(set(written))
        assert lists.fresh(name)[0].size == len(written)


def test_mailbox_providers_that_ship_are_protected(tmp_path: Path) -> None:
    lists = Lists.open(read_catalogues([default_catalogue()]), tmp_path, NOW)
    text = (default_catalogue().parent / "lists" / "mail_provider.txt").read_text()
    providers = [line for line in text.splitlines() if line and not line.startswith("#")]
    protected = lists.fresh("protected_domain")[0]
    assert len(providers) > 300
    assert [name for name in providers if protected.find(name) != name] == []
