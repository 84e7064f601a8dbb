"""Tables of the right version: migrations shipped with the program, all of them in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from kycrisk.store.database import Database, open_for_upgrade
from kycrisk.store.failure import WrongSchema, border
from kycrisk.store.schema import METADATA
from kycrisk.store.secrets_schema import TOKENS

#: Parts with tables in modules of their own: a table is among METADATA's once its module is read.
PARTS = (TOKENS,)
VERSION_TABLE = "kycrisk_version"
_ADVISORY_LOCK = 0x6B796372  # "kycr": two processes that start at once upgrade one after the other


def newest() -> str:
    """The version of the tables that this program works with."""
    return str(_scripts().get_current_head())


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the tables of a database to the newest version; what they were of before (None: there were none), and now.

    All or nothing. Raises `WrongSchema` when they are of a version that this program does not know, `StoreUnavailable`
    and `Problems`.
    """
    engine = open_for_upgrade(url)
    with border(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        found = _version(connection)
        _refuse_unknown(found)
        if found != newest():
            _run(connection)
    return found, newest()


def check(database: Database) -> None:
    """Raises `WrongSchema` when the tables are not of the newest version."""
    with border(), database.reading.connect() as connection, connection.begin():
        found = _version(connection)
    _refuse_unknown(found)
    if found != newest():
        has = "has no tables of kycrisk" if found is None else f"has tables of version {found}, this is {newest()}"
        raise WrongSchema(
            f"{database} {has}", "`kycrisk store upgrade` makes them; stop older programs before", found, newest()
        )


def _refuse_unknown(found: str | None) -> None:
    known = [script.revision for script in _scripts().walk_revisions()]
    if found is not None and found not in known:
        raise WrongSchema(
            f"the database has tables of version {found}, which this program does not know (it has {newest()})",
            "upgrade kycrisk: a newer one has been here",
            found,
            newest(),
        )


@cache
def _scripts() -> ScriptDirectory:
    """The migrations. They are loaded once: that takes longer than to find that there is nothing to do."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def _version(connection: Connection) -> str | None:
    found: str | None = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    return found


def _run(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: Any, context: MigrationContext) -> Iterable[Any]:
        return scripts._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(
            connection=connection,
            target_metadata=METADATA,
            version_table=VERSION_TABLE,
            transactional_ddl=True,
            transaction_per_migration=False,
        )
        environment.run_migrations()
