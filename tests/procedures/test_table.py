"""docs/verification-rows.md is in step with the tests and the demo."""

import pytest

from tests.procedures import table
from tests.procedures.rows import ROWS


def test_every_row_has_a_test():
    assert len(ROWS) == 73
    assert [each for each in ROWS if not table.marked()[each]] == []


def test_no_test_proves_a_row_that_there_is_not():
    assert sorted(set(table.marked()) - set(ROWS)) == []


def test_the_demo_walks_every_row():
    assert sorted(table.walked()) == sorted(ROWS)


def test_the_page_is_in_step():
    if table.PAGE.read_text() != table.table(ROWS):
        pytest.fail("docs/verification-rows.md is not in step: python -m tests.procedures.table --write")
