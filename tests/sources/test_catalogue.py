"""The signals of sources: each has one name, one source and one question."""

from __future__ import annotations

import pytest

from kycrisk.checks.catalogue import SIGNALS
from kycrisk.sources.catalogue import network_signals, shipped_signals, signals_of_site
from kycrisk.sources.choice import NOTHING_CHOSEN
from kycrisk.sources.kinds import KINDS


def test_no_signal_is_answered_twice():
    assert not network_signals().keys() & SIGNALS.keys()
    names = [signal.name for kind in KINDS.values() for signal in kind.signals()]
    assert len(names) == len(set(names)) == len(network_signals())


def test_each_signal_says_which_source_answers_it():
    assert {signal.check for signal in network_signals().values()} == set(KINDS) - {"lookups"}
    assert all(name == signal.name for name, signal in network_signals().items())


@pytest.mark.parametrize("signal", network_signals().values(), ids=network_signals())
def test_a_question_is_one_sentence(signal):
    assert signal.question.endswith("?")
    assert signal.question[0].isupper()


def test_a_site_without_sources_has_the_signals_of_all():
    assert signals_of_site(NOTHING_CHOSEN) is shipped_signals()
    assert shipped_signals().keys() == SIGNALS.keys() | network_signals().keys()
