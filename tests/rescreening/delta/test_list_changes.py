"""A change of lists, applied to whom it touches, leaves what screening everybody anew gives."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kycrisk.rescreening.delta.changes import Change
from kycrisk.rescreening.delta.judging import taken_in
from kycrisk.rescreening.delta.list_state import list_change
from tests.rescreening.delta.making import Accounts, first_moment, next_moment, state_of


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    return Accounts(tmp_path_factory.mktemp("site"), 400)


#: One by one, by columns, and both beside each other.
WAYS = [{}, {"few_rows": -1, "few_keys": -1}, {"few_rows": 20, "few_keys": 20}]


@pytest.mark.heavy
@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 50, 3))
def test_every_step_of_a_random_history_leaves_what_a_full_run_gives(accounts, seed):
    source = random.Random(seed)
    at = first_moment(source)
    screener = accounts.screener(at)
    segment = taken_in(accounts.facts, screener)
    for _ in range(6):
        at = next_moment(source, at)
        before, screener = state_of(screener), accounts.screener(at)
        stood = segment.standing.all()
        change = Change(screener, list_change(before, state_of(screener)), **source.choice(WAYS))
        segment, effect = change.apply(segment)
        full = taken_in(accounts.facts, screener).standing.base
        assert_frame_equal(segment.standing.all(), full)
        news = stood["outcome"] != full["outcome"]
        assert effect.news["account_id"].to_list() == accounts.facts["account_id"].filter(news).to_list()
        assert effect.news["before"].to_list() == stood["outcome"].filter(news).to_list()
        assert effect.accounts == accounts.facts.height
        assert effect.news.height <= effect.judged <= effect.touched <= effect.accounts


def test_a_list_of_texts_may_be_asked_about_what_stands_beside_the_lists(accounts):
    """`ip.kind in list("kinds")`: a fact that is kept with the word of the lists, not with the account's own."""
    segment = taken_in(accounts.facts, accounts.screener(first_moment(random.Random(1))))
    kinds = segment.standing.base["ip.kind"]
    assert "ip.kind" not in segment.accounts.columns
    found = segment.equal("ip.kind", ["private", "loopback"])
    assert found.to_list() == [row for row, kind in enumerate(kinds) if kind in ("private", "loopback")]
    assert len(found) > 0
