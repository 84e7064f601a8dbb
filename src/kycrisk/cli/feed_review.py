"""`kycrisk feeds review`: versions of lists that are held, and what is decided about them."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.terminal import Paint, note, say, visible, wrapped

if TYPE_CHECKING:
    from datetime import datetime

    from kycrisk.feeds.catalogue import Feed
    from kycrisk.feeds.quarantine.gate import Quarantine
    from kycrisk.feeds.quarantine.record import Held, LeftOut
    from kycrisk.feeds.update import UpdateResult
    from kycrisk.settings import Settings

_LATEST = 5


def review(settings: Settings, feeds: Sequence[Feed], *, as_json: bool) -> int:
    """Show what is held; the exit code."""
    from kycrisk.feeds.quarantine.gate import held_version, left_out
    from kycrisk.feeds.quarantine.telling import held_dict

    found = [(feed, held) for feed in feeds if (held := held_version(feed, settings.snapshots)) is not None]
    if as_json:
        say(json.dumps([held_dict(feed, held) for feed, held in found], ensure_ascii=False, indent=2))
    elif found:
        say(*(line for feed, held in found for line in held_lines(feed, held, Paint.on(sys.stdout))))
    else:
        say("nothing is held")
    if not as_json:
        say(*(line for feed in feeds for line in left_out_lines(feed, left_out(feed, settings.snapshots))))
    return FINDINGS if found else 0


def decided(settings: Settings, feed: Feed, now: datetime, *, release: bool, by: str, why: str, sha256: str) -> None:
    """Release or refuse what is held of a feed; in the audit log, where there is a store."""
    from kycrisk.feeds.quarantine.gate import NothingHeld, decide

    if not why:
        raise Fault("say why", "--why TEXT; it stands in the log")
    who = by or _user()

    def keep(held: Held) -> None:
        if not _has_store(settings):
            note("there is no store, so this stands in the folder of the lists and in no audit log")
            return
        from kycrisk.cli.records import asked
        from kycrisk.delivery.held_lists import HeldRow, audited

        row = HeldRow(feed=feed.name, release=release, by=who, why=why)
        asked(settings, lambda store: audited(store, row, held))

    try:
        held = decide(feed, settings.snapshots, release=release, by=who, why=why, now=now, sha256=sha256, keep=keep)
    except NothingHeld as nothing:
        raise Fault(str(nothing)) from None
    except OSError as error:
        raise Fault(f"it cannot be stored: {(error.strerror or str(error)).lower()}") from None
    if release:
        say(f"released: `{feed.name}` has {held.entries:,} entries now")
    else:
        say(f"refused: `{held.sha256[:12]}` of `{feed.name}` is not offered again; the last good version stays")


def logged(settings: Settings, results: Sequence[UpdateResult]) -> None:
    """What lists were taken without, in the audit log, where there is a store."""
    if not any(each.left_out for each in results) or not _has_store(settings):
        return
    from kycrisk.cli.records import asked
    from kycrisk.delivery.held_lists import audited_left_out

    try:
        asked(settings, lambda store: audited_left_out(store, results))
    except Fault as fault:
        note(f"what was left out does not stand in the audit log: {fault}")


def quarantine(settings: Settings, accounts: Path | None, now: datetime) -> Quarantine:
    """What new versions are judged by: by the customers too, where they are known and Polars is installed."""
    from kycrisk.feeds.quarantine.gate import Quarantine
    from kycrisk.feeds.quarantine.judge import Site as OwnSite
    from kycrisk.problems import Problems

    own = Quarantine(site=OwnSite(flips=settings.quarantine.flips, own=tuple(settings.quarantine.own)))
    table = accounts or settings.customers
    if table is None and not _has_store(settings):
        return own
    try:
        from kycrisk.delivery.feed_flips import quarantine_of
        from kycrisk.screening.site import read_site
    except ModuleNotFoundError as missing:
        if table is not None:
            raise Fault(f"judging by customers needs `{missing.name}`", "pip install 'kycrisk[service]'") from None
        return own
    try:
        site = read_site(settings)
    except Problems as wrong:
        note(f"new versions are not judged by the customers: the rules have {len(wrong.problems)} problems")
        return own
    return quarantine_of(site, None if table else _loader(settings), now, table)


def _loader(settings: Settings) -> Any:
    from kycrisk.cli.records import asked
    from kycrisk.delivery.feed_flips import stored_tables
    from kycrisk.store.sealing import read_site_key

    key = read_site_key(settings.site_key)
    return lambda screener: asked(settings, lambda store: stored_tables(store, key, screener))


def _has_store(settings: Settings) -> bool:
    file = settings.database.removeprefix("sqlite:///")
    return file == settings.database or Path(file).exists()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        raise Fault("nobody knows who you are", "say it with --by NAME") from None


def held_lines(feed: Feed, held: Held, paint: Paint) -> Iterator[str]:
    """Everything about a held version."""
    yield f"{paint('bold', feed.name)}  {paint('yellow', 'held')} since {held.since:%Y-%m-%d %H:%M} UTC"
    for reason in held.reasons:
        yield from wrapped(visible(reason.text), first="  - ", rest="    ")
        if reason.examples:
            yield from wrapped(visible(", ".join(reason.examples)), first=" " * 6, rest=" " * 6)
    counts = f"{held.entries:,} entries, {held.added:,} added, {held.removed:,} removed"
    rows = {
        "version": f"{held.sha256[:12]}: {counts}",
        "added": ", ".join(held.added_examples),
        "removed": ", ".join(held.removed_examples),
        "customers": _customers(held),
    }
    for name, text in rows.items():
        if text:
            yield from wrapped(visible(text), first=f"  {name:<10}", rest=" " * 12)


def left_out_lines(feed: Feed, found: Sequence[LeftOut]) -> Iterator[str]:
    """What the latest versions of a list named that is everybody's, and were taken without."""
    for each in found[-_LATEST:]:
        told = f"{feed.name}: the version of {each.at:%Y-%m-%d} was taken without {', '.join(each.names)}"
        yield from wrapped(visible(f"{told}: it is everybody's"), first="", rest="  ")


def _customers(held: Held) -> str:
    if held.flips is None:
        return "not known here, so nobody was looked at"
    told = f"{held.flips.flips:,} of {held.flips.accounts:,} would get another outcome"
    shown = ", ".join(f"{each.account} ({each.before} → {each.after})" for each in held.flips.examples)
    return f"{told}: {shown}" if shown else told
