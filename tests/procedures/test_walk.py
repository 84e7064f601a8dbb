"""The four procedures fulfil every row."""

import pytest

from tests.procedures.rows import ROWS
from tests.procedures.walk import walk_all


@pytest.mark.heavy
def test_every_row_is_fulfilled():
    ledger = walk_all()
    assert len(ROWS) == 73
    assert ledger.missing == []
