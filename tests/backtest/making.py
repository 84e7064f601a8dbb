"""A store with a past, and backtests over it."""

from datetime import timedelta

import pytest

from kycrisk.backtest.archive import Archive
from kycrisk.backtest.keeping import keep_in_step
from kycrisk.backtest.run import Options, backtest_store
from kycrisk.checks.catalogue import ALIASES, SIGNALS
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset_texts
from tests.store.conftest import KEY
from tests.store.making import NOW, RULES, Maker

LATER = NOW + timedelta(days=400)


def rules(text):
    return load_ruleset_texts({"policy.yaml": text}, signals=SIGNALS, aliases=ALIASES)


def maker(prefix=""):
    return Maker(rules(RULES), prefix)


def archive_of(tmp_path):
    return Archive(tmp_path / "archive", KEY)


async def in_step(store, archive, **more):
    with archive.changing():
        return await keep_in_step(archive, store.decision_history, **more)


async def backtest_of(store, tmp_path, text=RULES, *, given=None, **options):
    """A backtest of rules over the store."""
    chosen = Options(**{"labels_until": LATER, **options})
    return await backtest_store(store, archive_of(tmp_path), compile_ruleset(rules(text)), chosen, given=given)


def without_time(found):
    """What is the same in two backtests of the same past."""
    return {
        name: getattr(found, name)
        for name in ("decisions", "flips", "rules", "lost_rules", "never_gathered", "counted", "labelled", "rulesets")
    }


async def past(store, make, clock, count=24):
    """Signups one an hour: from seven addresses, some through Tor, some asked about in vain."""
    for number in range(count):
        await store.decisions.add(
            make.screening(
                f"a-{number % (count - 4)}",
                at=clock(),
                name=f"user{number}",
                ip=f"192.0.2.{number % 7}",
                missing=["ip.blocklisted"] if number % 5 == 0 else (),
                **{"ip.tor_exit": number % 6 == 1},
            )
        )
        clock.forward(hours=1)


approx = pytest.approx
