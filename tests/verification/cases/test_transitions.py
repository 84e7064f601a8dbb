"""The table of docs/verification.md is the program's."""

import re
from pathlib import Path

import pytest

from kycrisk.verification.state import Happening, State
from kycrisk.verification.transitions import NEXT, TABLE, next_state

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verification.md"
ROW = re.compile(r"^\| ([a-z_, ]+) \| ([a-z_]+) \| ([a-z_]+) \| .+ \|$", re.MULTILINE)


def test_the_page_has_the_table_of_the_program():
    section = PAGE.read_text().partition("## States")[2].partition("\n## ")[0]
    told = {
        (State(before), Happening(happening)): State(after)
        for states, happening, after in ROW.findall(section)
        if states != "from"
        for before in states.split(", ")
    }
    assert told == dict(NEXT)


def test_no_row_contradicts_another():
    pairs = [(before, happening) for states, happening, _ in TABLE for before in states]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize(
    ("before", "happening"),
    [
        pytest.param(State.VERIFIED, Happening.DEADLINE, id="a verified account is never overdue"),
        pytest.param(State.SUBMITTED, Happening.DEADLINE, id="nor one that waits for a reviewer"),
        pytest.param(State.IN_REVIEW, Happening.DEADLINE, id="nor one in review"),
        pytest.param(State.CLOSED, Happening.APPROVED, id="what is closed stays closed"),
        pytest.param(State.OPEN, Happening.SUBMIT, id="nothing is handed in before the start"),
        pytest.param(State.NEEDS_RESUBMISSION, Happening.SENT_BACK, id="a late denial does not count twice"),
    ],
)
def test_what_cannot_happen(before, happening):
    assert next_state(before, happening) is None
