"""The store's databases, for the archive. What differs between them is tested on both by the thorough run."""

import secrets

import psycopg
import pytest

from tests.store.conftest import clock, opened, postgresql, run  # noqa: F401


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.heavy)])
def url(request, tmp_path):
    """A new database, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    server, name = request.getfixturevalue("postgresql"), f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.get_uri(name)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
