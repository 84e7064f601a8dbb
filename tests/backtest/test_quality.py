"""Shares and their confidence, by published values."""

import pytest

from kycrisk.backtest.quality import Quality, Range, wilson

#: Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (Wilson's score without correction).
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("count", "total", "low", "high"), PUBLISHED)
def test_wilson(count, total, low, high):
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


def test_ranges_of_precision_and_recall():
    quality = Quality(fraud=10, legitimate=20, caught=Range(4, 6), bothered=Range(1, 5))
    precision, recall, bother = quality.precision, quality.recall, quality.bother
    assert (precision.least, precision.most) == (4 / 9, 6 / 7)
    assert (recall.least, recall.most) == (0.4, 0.6)
    assert (bother.least, bother.most) == (1 / 20, 5 / 20)
    assert precision.low == wilson(4, 9)[0]
    assert precision.high == wilson(6, 7)[1]


NOBODY = [
    ("nobody flagged", Quality(3, 3, Range(0, 0), Range(0, 0)), None, 0.0),
    ("no fraud", Quality(0, 3, Range(0, 0), Range(1, 1)), 0.0, None),
    ("nobody labelled", Quality(0, 0, Range(0, 0), Range(0, 0)), None, None),
]


@pytest.mark.parametrize(
    ("quality", "precision", "recall"), [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY]
)
def test_shares_of_nobody(quality, precision, recall):
    found = [share and share.least for share in (quality.precision, quality.recall)]
    assert found == [precision, recall]


def test_when_perhaps_somebody_is_flagged():
    precision = Quality(3, 3, Range(0, 2), Range(0, 0)).precision
    assert (precision.least, precision.most) == (1.0, 1.0)
