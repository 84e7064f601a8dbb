"""Stores on both databases, as the tests of the store have them."""

from tests.store.conftest import clock, opened, postgresql, run, url

__all__ = ["clock", "opened", "postgresql", "run", "url"]
