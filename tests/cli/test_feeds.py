"""`kycrisk feeds`."""

import json

import polars
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


NAMES = [f"trash-{number}.example" for number in range(100)]
DISPOSABLE = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - id: disposable
    title: A throw-away address
    when: email.disposable
    score: 80
    reason: "{email.domain} is listed"
"""


def held_list(fed, names=tuple(NAMES[:10])):
    """A list of which a second version is held."""
    run = fed("\n".join(NAMES) + "\n")
    assert run("feeds", "update", "ours").exit_code == 0
    run.write("list.txt", "\n".join(names) + "\n")
    found = run("feeds", "update", "ours")
    assert (found.exit_code, found.stderr.splitlines()) == (
        1,
        ["1 held: `kycrisk feeds review` shows why, and releases or refuses them"],
    )
    assert found.stdout.startswith("held       ours                                   100  as of ")
    return run


def test_a_held_version_is_shown_and_released(fed):
    run = held_list(fed)
    shown = run("feeds", "review")
    lines = shown.stdout.splitlines()
    assert (shown.exit_code, lines[0].partition(" since ")[0]) == (1, "ours  held")
    assert lines[1:3] == [
        "  - it removes 90 of 100 entries; up to 27 are believed as nothing is known of",
        "    earlier changes",
    ]
    assert "10 entries, 0 added, 90 removed" in shown.stdout
    assert "not known here, so nobody was looked at" in shown.stdout
    assert "a newer version is held" in run("feeds", "list").stdout
    assert "held     a newer version, since " in run("feeds", "show", "ours").stdout
    assert "`ours` is held since" in " ".join(run("doctor").stdout.split())
    [told] = json.loads(run("feeds", "review", "-f", "json").stdout)
    assert (told["name"], told["entries"], told["reasons"][0]["kind"]) == ("ours", 10, "removed")

    released = run("feeds", "review", "ours", "--release", "--why", "checked with them", "--by", "kim")
    assert (released.exit_code, released.stdout) == (0, "released: `ours` has 10 entries now\n")
    assert released.stderr == "there is no store, so this stands in the folder of the lists and in no audit log\n"
    assert run("feeds", "show", "ours", "--contains", "trash-50.example").exit_code == 1
    assert run("feeds", "review").stdout == "nothing is held\n"


def test_what_a_version_is_taken_without(fed):
    run = fed("\n".join(NAMES) + "\n")
    run("feeds", "update", "ours")
    run.write("list.txt", "\n".join([*NAMES, "hey.com"]) + "\n")
    updated = run("feeds", "update", "ours")
    assert updated.exit_code == 0
    assert "begins to name what is everybody's, and is left out: hey.com" in " ".join(updated.stdout.split())
    assert "left out hey.com\n" in run("feeds", "show", "ours").stdout
    [told] = [each for each in json.loads(run("feeds", "list", "-f", "json").stdout) if each["name"] == "ours"]
    assert told["left_out"] == ["hey.com"]
    lines = run("feeds", "review").stdout.splitlines()
    assert lines[0] == "nothing is held"
    assert lines[1].endswith(" was taken without hey.com: it is everybody's")


def test_a_refused_version_does_not_come_again(fed):
    run = held_list(fed)
    refused = run("feeds", "review", "ours", "--refuse", "--why", "cut off", "--by", "kim")
    assert refused.exit_code == 0
    assert refused.stdout.endswith(" of `ours` is not offered again; the last good version stays\n")
    again = run("feeds", "update", "ours")
    assert (again.exit_code, again.stdout.partition(" ")[0]) == (0, "refused")
    assert run("feeds", "show", "ours", "--contains", "trash-50.example").exit_code == 0


REVIEWS = [
    ("both at once", ["ours", "--release", "--refuse", "--why", "x"], "--release and --refuse contradict each other"),
    ("no list", ["--release", "--why", "x"], "name the one list that is meant"),
    ("no reason", ["ours", "--release"], "say why"),
    ("another version", ["ours", "--release", "--why", "x", "--version", "0000"], "`0000` is not held any more"),
    ("a list that does not exist", ["our", "--release", "--why", "x"], "there is no feed `our`"),
]


@pytest.mark.parametrize(("arguments", "message"), [row[1:] for row in REVIEWS], ids=[row[0] for row in REVIEWS])
def test_decisions_that_cannot_be_made(fed, arguments, message):
    run = held_list(fed)
    found = run("feeds", "review", *arguments)
    assert (found.exit_code, message in found.stderr) == (2, True)
    assert run("feeds", "review").exit_code == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_customers_of_a_table_are_judged_by(fed, suffix):
    run = fed("\n".join(NAMES) + "\n")
    off = "  disposable-email-domains: {enabled: false}\n  disposable-email-domains-github: {enabled: false}\n"
    run.write("feeds.yaml", (run.folder / "feeds.yaml").read_text() + off)
    run.write("rules/policy.yaml", DISPOSABLE)
    assert run("feeds", "update", "ours").exit_code == 0
    customers = [(f"a-{n}", f"x@shop-{n % 50}.example", f"192.0.2.{n}") for n in range(200)]
    table = polars.DataFrame(customers, schema=["account_id", "email", "ip"], orient="row")
    table.write_csv(run.folder / "customers.csv")
    table.write_parquet(run.folder / "customers.parquet")
    run.write("list.txt", "\n".join([*NAMES, "shop-3.example"]) + "\n")
    found = run("feeds", "update", "ours", "--accounts", f"customers.{suffix}")
    assert "4 of 200 customers would get another outcome (2.00%); 0.50% may" in " ".join(found.stdout.split())
    shown = run("feeds", "review").stdout
    assert "4 of 200 would get another outcome: a-3 (allow → verify), a-53" in shown
    run.write("kycrisk.yaml", f"feeds: [feeds.yaml]\nquarantine: {{flips: 2%, accounts: customers.{suffix}}}\n")
    run.write("list.txt", "\n".join([*NAMES, "shop-3.example", "new.example"]) + "\n")
    assert run("feeds", "update", "ours").exit_code == 0


def test_customers_that_cannot_be_read_do_not_keep_a_list_back(fed):
    run = fed("\n".join(NAMES) + "\n")
    run.write("customers.parquet", "no such thing")
    found = run("feeds", "update", "ours", "--accounts", "customers.parquet")
    assert (found.exit_code, found.stdout.partition(" ")[0]) == (0, "updated")
