"""The library that the tests of this folder need: what is not installed cannot be tested, and says so in one line."""

from importlib.util import find_spec

import pytest

needs_durable_rules = pytest.mark.skipif(
    find_spec("durable_rules_engine") is None,
    reason='durable-rules is not installed: `make .venv/.installed-durable`, or pip install "kycrisk[durable]"',
)
