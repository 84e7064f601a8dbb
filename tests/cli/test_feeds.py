"""`kycrisk feeds`."""

import json

import pytest

CATALOGUE = """\
feeds:
  ours:
    title: Our own list
    purpose: {purpose}
    kind: {kind}
    url: {url}
    licence: none
    lineage: ours
    trust: trusted
    refresh: 1d
    max_age: 30d
"""


@pytest.fixture
def fed(run):
    """The small folder with one feed of its own."""

    def with_feed(text, *, purpose="disposable_domain", kind="domains", url="list.txt"):
        run.write("kycrisk.yaml", "feeds: [feeds.yaml]\n")
        run.write("feeds.yaml", CATALOGUE.format(purpose=purpose, kind=kind, url=url))
        if text is not None:
            run.write("list.txt", text)
        return run

    return with_feed


def test_update_says_what_became_of_each(fed):
    run = fed("throwaway.example\nco.uk\n")
    found = run("feeds", "update", "ours")
    assert (found.exit_code, found.stderr) == (0, "")
    first, dropped = found.stdout.splitlines()
    assert first.startswith("updated    ours                                     1  as of ")
    assert dropped.startswith("             dropped: ")
    assert run("feeds", "update", "ours").stdout.startswith("unchanged  ours ")


def test_a_list_that_fails_stays_and_says_why(fed):
    run = fed("throwaway.example\n")
    assert run("feeds", "update", "ours").exit_code == 0
    run.write("list.txt", "<html>not today</html>")
    found = run("feeds", "update", "ours")
    assert (found.exit_code, found.stderr) == (1, "1 of 1 lists failed\n")
    assert found.stdout.startswith("failed     ours                                     1  as of ")
    assert "stays in place" in " ".join(found.stdout.split())
    assert run("feeds", "show", "ours", "--contains", "a.throwaway.example").stdout == (
        "a.throwaway.example: listed as throwaway.example\n"
    )


def test_offline_leaves_out_what_needs_the_network(run):
    found = run("feeds", "update", "--offline", "tor-bulk", "mail-providers")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[:2] == ["skipped    tor-bulk", "             needs the network"]
    assert found.stdout.splitlines()[2].startswith("updated    mail-providers")


def test_one_list_is_compiled_under_the_protection_of_the_others(fed):
    """A name on the command line leaves out other lists, but not those that say what may never be listed."""
    run = fed("gmail.com\nthrowaway.example\n")
    run("feeds", "update", "ours")
    assert run("feeds", "show", "ours", "--contains", "gmail.com").stdout == "gmail.com: not listed\n"


def test_list(fed):
    run = fed("throwaway.example\n")
    run("feeds", "update", "ours")
    found = run("feeds", "list", "ours", "tor-bulk")
    assert found.exit_code == 0
    assert found.stdout == (
        "disposable e-mail domains\n"
        "  ours                               fresh       0m          1  due in 23h\n"
        "      trusted; lineage ours; none\n"
        "\n"
        "Tor exits\n"
        "  tor-bulk                           missing                    due now\n"
        "      trusted; lineage tor-project; none stated, published by the Tor Project\n"
        "      for this use\n"
    )


def test_list_as_json(fed):
    run = fed("throwaway.example\n")
    run("feeds", "update", "ours")
    [ours, tor] = json.loads(run("feeds", "list", "ours", "tor-bulk", "--format", "json").stdout)
    assert (ours["state"], ours["entries"], ours["max_age"], ours["why"]) == ("fresh", 1, "30d", None)
    assert (tor["state"], tor["sha256"], tor["why"]) == ("missing", None, "`tor-bulk` was never fetched")


def test_list_of_all_and_of_kinds(run):
    assert "disabled" not in run("feeds", "list").stdout
    assert "disabled" in run("feeds", "list", "--all").stdout
    assert "netset" in run("feeds", "list", "--kinds").stdout


def test_no_line_is_wider_than_the_terminal(site):
    for command in (["list", "--all"], ["list", "--kinds"], ["show", "tor-bulk"]):
        found = site("-c", "samples/kycrisk.yaml", "feeds", *command)
        wide = [line for line in found.stdout.splitlines() if len(line) > 80]
        assert [line for line in wide if len(line.split()[-1]) < 66] == []  # one word, a path, stays whole


@pytest.mark.parametrize(
    ("purpose", "kind", "text", "key", "code", "answer"),
    [
        ("disposable_domain", "domains", "a.example", "x.a.example", 0, "x.a.example: listed as a.example\n"),
        ("disposable_domain", "domains", "a.example", "example", 1, "example: not listed\n"),
        ("disposable_domain", "domains", "xn--bcher-kva.example", "bücher.example", 0,
         "bücher.example: listed as xn--bcher-kva.example\n"),
        ("tor_exit", "networks", "192.0.2.0/25", "192.0.2.9", 0, "192.0.2.9: listed as 192.0.2.0/25\n"),
        ("tor_exit", "networks", "192.0.2.0/25", "192.0.2.200", 1, "192.0.2.200: not listed\n"),
        ("email_blocklist", "emails", "a@b.example", "A@b.example", 0, "A@b.example: listed as a@b.example\n"),
        ("tor_exit", "networks", "192.0.2.0/25", "b.example", 2,
         "kycrisk: `ours` lists networks, and `b.example` is not an IP address\n"),
    ],
)  # fmt: skip
def test_contains(fed, purpose, kind, text, key, code, answer):
    run = fed(text, purpose=purpose, kind=kind)
    run("feeds", "update", "ours")
    found = run("feeds", "show", "ours", "--contains", key)
    assert (found.exit_code, found.output) == (code, answer)


def test_show_and_contains_of_a_list_that_was_never_fetched(run):
    assert "  missing  `tor-bulk` was never fetched\n" in run("feeds", "show", "tor-bulk").stdout
    found = run("feeds", "show", "tor-bulk", "--contains", "192.0.2.1")
    assert (found.exit_code, found.stderr) == (2, "kycrisk: `tor-bulk` was never fetched\n")


@pytest.mark.parametrize("command", ["list", "update", "show"])
def test_a_feed_that_there_is_not(run, command):
    found = run("feeds", command, "tor-bulx")
    assert (found.exit_code, found.stderr) == (
        2,
        "kycrisk: there is no feed `tor-bulx`\nhelp: did you mean `tor-bulk`?\n",
    )
