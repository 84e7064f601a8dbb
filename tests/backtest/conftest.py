"""The store's databases, for the archive."""

from tests.store.conftest import clock, opened, postgresql, run, url  # noqa: F401
