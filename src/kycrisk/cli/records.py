"""`kycrisk accounts`, `kycrisk audit` and `kycrisk store`: what the store keeps about people, its log, its tables."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.terminal import Paint, note, say, visible

if TYPE_CHECKING:
    from kycrisk.settings import Settings
    from kycrisk.signals import Value
    from kycrisk.store.personal_data import Proven
    from kycrisk.store.store import Store

Answer = TypeVar("Answer")

accounts = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Find, export and erase accounts.")
audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Verify the log of who did what.")
store = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make and upgrade the tables of the store.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(accounts, name="accounts")
    app.add_typer(audit, name="audit")
    app.add_typer(store, name="store")


AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.", show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the log. Default: your user name.")]


@accounts.command()
def find(
    ctx: typer.Context,
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="An e-mail address, in any spelling.")] = "",
    phone: Annotated[str, typer.Option("--phone", metavar="NUMBER", help="A phone number with its +country.")] = "",
    ip: Annotated[str, typer.Option("--ip", metavar="IP", help="An IP address.")] = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Find the accounts that signed up with an e-mail address, phone number or IP address.

    Exit codes: 1 when there are none.
    """
    signal, value = _sought(email, phone, ip)
    found = asked(settings_of(ctx, config, offline), lambda kept: kept.personal_data.accounts_of(signal, value))
    say(*map(visible, found))
    raise typer.Exit(0 if found else FINDINGS)


def _sought(email: str, phone: str, ip: str) -> tuple[str, Value]:
    """The counted signal and its value that one of the options names."""
    from ipaddress import ip_address

    from kycrisk.normal.email import normal_email
    from kycrisk.normal.phone import normal_phone

    if sum(map(bool, (email, phone, ip))) != 1:
        raise Fault("name one of --email, --phone and --ip")
    if email:
        return "email.canonical", normal_email(email).canonical or email
    if phone:
        return "phone.e164", normal_phone(phone).e164 or phone
    try:
        return "ip.address", ip_address(ip)
    except ValueError:
        raise Fault(f"`{ip}` is not an IP address") from None


@accounts.command()
def export(
    ctx: typer.Context,
    account: AccountId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, readable by you only.")
    ] = None,
    by: By = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Export everything that the store keeps about one account, as one line of JSON with a proof."""
    settings = settings_of(ctx, config, offline)
    _make_private(output)
    _give(asked(settings, lambda kept: kept.personal_data.export(account, user_name(by))), output)


@accounts.command()
def erase(
    ctx: typer.Context,
    account: AccountId,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the log.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the proof there, readable by you only.")
    ] = None,
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    leave: Annotated[
        bool, typer.Option("--leave", help="Also while a panel or a provider cannot be told; see to it there by hand.")
    ] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Erase what is personal about one account, for good, and print a proof of it.

    Outcomes, findings and counts stay, without anybody's name. What a panel holds back is let go first, and identity
    providers delete what they hold.
    """
    settings = settings_of(ctx, config, offline)
    if not yes:
        if not sys.stdin.isatty():
            raise Fault("erasing cannot be undone", "say --yes to do it without being asked")
        typer.confirm(f"Erase the personal data of account `{visible(account)}` for good?", abort=True, err=True)
    _make_private(output)  # before anything is erased: a proof that cannot be written would be lost
    name = user_name(by)
    _give(asked(settings, lambda kept: _erased(settings, kept, account, name, why, leave=leave)), output)


async def _erased(settings: Settings, kept: Store, account: str, by: str, why: str, *, leave: bool) -> Proven:
    """Let go at others first, where that is set up and the network may be used."""
    if not settings.verification.policy or settings.offline:
        return await kept.personal_data.erase(account, by, why, leave=leave)
    from kycrisk.screening.desk import now_utc
    from kycrisk.store.sealing import read_site_key
    from kycrisk.verification.bureau import Bureau

    bureau = Bureau(settings, kept, read_site_key(settings.site_key), now_utc)
    try:
        return await bureau.erase(account, by, why, leave=leave)
    finally:
        await bureau.aclose()


@audit.command()
def verify(
    ctx: typer.Context,
    expect: Annotated[
        str,
        typer.Option("--expect", metavar="ROWS:HASH", help="What was printed before must still hold."),
    ] = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Recompute the chain of the audit log, and name the first row that does not hold.

    Exit codes: 1 when a row does not hold.
    """
    rows, _, digest = expect.partition(":")
    if expect and not (rows.isdecimal() and len(digest) == 64):
        raise Fault(f"`{expect}` is not ROWS:HASH", "take it from what `kycrisk audit verify` printed before")
    expected = (int(rows), digest) if expect else None
    found = asked(settings_of(ctx, config, offline), lambda kept: kept.audit.verify(expected=expected))
    paint = Paint.on(sys.stdout)
    if found.holds:
        say(f"{paint('green', 'holds')}  {found.rows} rows", f"expect {found.rows}:{found.hash}")
        return
    say(f"{paint('red', 'broken')}  row {found.broken}: {found.why}", f"{found.rows} rows before it hold")
    raise typer.Exit(FINDINGS)


@store.command()
def upgrade(ctx: typer.Context, config: Config = None, offline: Offline = False) -> None:
    """Make the tables of the store, or bring them to this version; makes a site key where there is none."""
    settings = settings_of(ctx, config, offline)
    with _service():
        from kycrisk.store.sealing import make_site_key, read_site_key
        from kycrisk.store.upgrade import upgrade as upgrade_tables

        before, now = upgrade_tables(settings.database)
        if before is None and not settings.site_key.exists():
            make_site_key(settings.site_key)
            say(f"made {near(settings.site_key)}; keep a copy apart from the database: without it nothing opens")
        read_site_key(settings.site_key)
        if settings.jobs.recheck or settings.jobs.retention or settings.rescreening.schedule:
            from kycrisk.delivery.jobs import make_tables

            make_tables(settings.database)
            say("the tables for `jobs` are there")
        if before == now:
            say(f"the tables are of version {now} already")
        else:
            say(f"made tables of version {now}" if before is None else f"upgraded the tables from {before} to {now}")


def user_name(by: str) -> str:
    """Who does it: the name that was given, or the user's."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        raise Fault("nobody knows who you are", "say it with --by NAME") from None


def _make_private(output: Path | None) -> None:
    if output is not None:
        output.touch(mode=0o600)
        output.chmod(0o600)


def _give(proven: Proven, output: Path | None) -> None:
    if output is None:
        say(proven.text())
        return
    output.write_text(f"{proven.text()}\n")
    note(f"wrote {output}")


@contextmanager
def _service() -> Iterator[None]:
    """The store's libraries and errors, in the words of the command line."""
    try:
        import kycrisk.store.store  # noqa: F401 - and with it all that a store needs
        from kycrisk.store.failure import StoreError
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("kycrisk"):
            raise
        library = missing.name.partition(".")[0]
        raise Fault(f"the store needs {library}, which is not installed", "pip install 'kycrisk[service]'") from None
    try:
        yield
    except StoreError as error:
        raise Fault(error.message, error.help) from None


def asked(settings: Settings, question: Callable[[Store], Awaitable[Answer]]) -> Answer:
    """What the site's store answers."""
    with _service():
        import asyncio

        from kycrisk.store.sealing import read_site_key
        from kycrisk.store.store import Store

        file = settings.database.removeprefix("sqlite:///")
        if file != settings.database and not Path(file).exists():
            raise Fault(f"there is no store at {near(Path(file))}", "`kycrisk store upgrade` makes one")

        async def ask() -> Answer:
            async with await Store.open(settings.database, site_key=read_site_key(settings.site_key)) as opened:
                return await question(opened)

        return asyncio.run(ask())
