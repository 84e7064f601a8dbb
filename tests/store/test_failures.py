"""A database that fails: a typed error, nothing half-stored, and work that goes on without a restart."""

import asyncio
import subprocess
import sys

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kycrisk.problems import Problems
from kycrisk.store import upgrade as upgrading
from kycrisk.store.database import open_for_upgrade
from kycrisk.store.failure import Reason, StoreUnavailable, WrongSchema, WrongSiteKey
from kycrisk.store.schema import METADATA
from kycrisk.store.sealing import SiteKey, make_site_key, read_site_key
from kycrisk.store.store import Store
from tests.store.conftest import KEY, pgexec
from tests.store.making import Maker, read_rules


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


@pytest.fixture
def file_url(tmp_path):
    return f"sqlite:///{tmp_path}/store.db"


async def pages(store, most):
    await store.write(lambda tx: tx.connection.exec_driver_sql(f"PRAGMA max_page_count={most}").scalar())


def test_a_full_disk_is_told_read_from_and_recovered_from(file_url, make, clock):
    async def body():
        async with await Store.open(file_url, site_key=KEY, clock=clock) as store:
            await store.decisions.add(make.screening("before"))
            await pages(store, 1)  # SQLite takes the present size, when that is more
            acknowledged, refused = [], []
            for n in range(100):
                try:
                    acknowledged.append((await store.decisions.add(make.screening(f"a-{n}"))).decision_id)
                except StoreUnavailable as error:
                    refused.append(error.reason)
            with pytest.raises(StoreUnavailable):
                await asyncio.gather(*(store.decisions.add(make.screening(f"b-{n}")) for n in range(30)))
            kept = [each.id for each in (await store.decisions.page(limit=1000)).items]
            await pages_again(store)
            after = await store.decisions.add(make.screening("after"))
            return acknowledged, refused, kept, after, await store.audit.verify()

    async def pages_again(store):
        # The writer cannot commit while the disk is full, so the limit is lifted on its connection itself.
        with store.database.writing.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1073741823")

    acknowledged, refused, kept, after, verified = asyncio.run(body())
    assert set(refused) == {Reason.DISK_FULL}
    assert set(acknowledged) < set(kept)
    assert len(kept) == len(acknowledged) + 1
    assert after.seq == len(kept) + 1
    assert (verified.holds, verified.rows) == (True, len(kept) + 1)


def test_a_server_that_goes_away_and_comes_back(postgresql, make, clock):
    def control(*arguments):
        pgexec(
            "pg_ctl", ("-w", "-D", str(postgresql.pgdata), *arguments), postgresql.bin_path, user=postgresql.system_user
        )

    url = postgresql.get_uri("goes_away")
    with psycopg.connect(postgresql.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE goes_away")
    sockets = postgresql.get_postmaster_info().socket_dir

    async def body():
        async with await Store.open(url, site_key=KEY, clock=clock, upgrade_tables=True) as store:
            before = await store.decisions.add(make.screening("before"))
            control("-m", "immediate", "stop")
            with pytest.raises(StoreUnavailable) as writing:
                await store.decisions.add(make.screening("during"))
            with pytest.raises(StoreUnavailable) as reading:
                await store.decisions.get(before.decision_id)
            control("-l", str(postgresql.log), "-o", f'-h "" -k {sockets}', "start")
            after = await store.decisions.add(make.screening("after"))
            ids = [each.id for each in (await store.decisions.page()).items]
            return writing.value.reason, reading.value.reason, ids == [after.decision_id, before.decision_id]

    assert asyncio.run(body()) == (Reason.GONE, Reason.GONE, True)


def test_a_connection_that_was_cut_is_replaced_unseen(postgresql, make, clock):
    with psycopg.connect(postgresql.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE cut_off")

    async def body():
        async with await Store.open(
            postgresql.get_uri("cut_off"), site_key=KEY, clock=clock, upgrade_tables=True
        ) as store:
            await store.decisions.add(make.screening("before"))
            with psycopg.connect(postgresql.get_uri(), autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut_off'")
            await store.decisions.add(make.screening("after"))
            return len((await store.decisions.page()).items)

    assert asyncio.run(body()) == 2


def test_a_closed_store_says_so(opened, make):
    async def body():
        store = await opened()
        await store.close()
        with pytest.raises(StoreUnavailable) as wrote:
            await store.decisions.add(make.screening())
        with pytest.raises(StoreUnavailable) as read:
            await store.decisions.page()
        return wrote.value.reason, read.value.reason

    assert asyncio.run(body()) == (Reason.CLOSED, Reason.CLOSED)


def test_a_ready_store_can_be_read_and_written(run):
    async def body(store):
        await store.ready()

    run(body)


def test_what_is_no_database(tmp_path, clock):
    (tmp_path / "store.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreUnavailable) as error:
        asyncio.run(Store.open(f"sqlite:///{tmp_path}/store.db", site_key=KEY, clock=clock))
    assert error.value.reason is Reason.DAMAGED


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("store.db", id="no-url"),
        pytest.param("sqlite://", id="memory"),
        pytest.param("mysql://localhost/x", id="another-database"),
        pytest.param("postgresql+psycopg2://localhost/x", id="another-driver"),
    ],
)
def test_urls_that_cannot_be_used(bad, clock):
    with pytest.raises(Problems, match=r"sqlite:///site/store\.db"):
        asyncio.run(Store.open(bad, site_key=KEY, clock=clock))


def test_a_server_that_is_not_there(tmp_path, clock):
    with pytest.raises(StoreUnavailable) as error:
        asyncio.run(Store.open(f"postgresql:///x?host={tmp_path}", site_key=KEY, clock=clock))
    assert error.value.reason is Reason.GONE


def test_another_site_key_is_refused(url, opened, clock):
    async def body():
        await (await opened()).close()
        await Store.open(url, site_key=SiteKey(bytes(32)), clock=clock)

    with pytest.raises(WrongSiteKey, match="another site key"):
        asyncio.run(body())


def test_sqlite_makes_its_tables_and_postgresql_refuses_to(url, clock):
    async def body():
        await (await Store.open(url, site_key=KEY, clock=clock)).close()

    if url.startswith("sqlite"):
        asyncio.run(body())
        return
    with pytest.raises(WrongSchema, match="has no tables of kycrisk") as error:
        asyncio.run(body())
    assert (error.value.found, error.value.wanted) == (None, upgrading.newest())
    assert upgrading.upgrade(url) == (None, upgrading.newest())
    assert upgrading.upgrade(url) == (upgrading.newest(), upgrading.newest())
    asyncio.run(body())


def test_tables_of_a_newer_program_are_left_alone(url, opened, clock):
    async def body():
        async with await opened() as store:
            await store.write(lambda tx: tx.connection.execute(text("UPDATE kycrisk_version SET version_num = '9999'")))
        await Store.open(url, site_key=KEY, clock=clock, upgrade_tables=True)

    with pytest.raises(WrongSchema, match="version 9999, which this program does not know"):
        asyncio.run(body())


def test_migrations_lead_to_the_tables_of_the_schema(url):
    upgrading.upgrade(url)
    with open_for_upgrade(url).connect() as connection:
        elsewhere = (
            set() if connection.dialect.name == "sqlite" else {"fk_facts_signup_signups"}
        )  # it is SQLite's alone
        opts = {
            "version_table": upgrading.VERSION_TABLE,
            "compare_type": True,
            "include_object": lambda part, name, kind, found, other: found or name not in elsewhere,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), METADATA) == []


def test_a_site_key_is_made_once_and_kept_private(tmp_path):
    path = tmp_path / "state/site.key"
    made = make_site_key(path)
    assert make_site_key(path).pseudonym("x", "y") == made.pseudonym("x", "y")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["site.key"]
    assert repr(made) == "SiteKey([redacted])"
    path.write_text("short\n")
    with pytest.raises(Problems, match="64 hexadecimal digits"):
        read_site_key(path)


def test_the_database_file_is_private_too(file_url, clock, tmp_path):
    async def body():
        await (await Store.open(file_url, site_key=KEY, clock=clock)).close()

    asyncio.run(body())
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


def test_the_default_installation_needs_no_database():
    """Neither the command line nor a screening loads SQLAlchemy."""
    code = "import sys, kycrisk.cli, kycrisk.screening.screener; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_errors_of_the_database_show_no_values(run):
    """SQLAlchemy writes the parameters of a failed statement into its message, unless it is told not to."""

    async def body(store):
        given = {"value": "jane@example.com"}
        with pytest.raises(DBAPIError) as error:
            await store.write(lambda tx: tx.connection.execute(text("INSERT INTO nowhere VALUES (:value)"), given))
        return "nowhere" in str(error.value), "jane" in str(error.value)

    assert run(body) == (True, False)
