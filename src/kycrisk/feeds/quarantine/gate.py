"""The way of a new version: active at once, held until somebody decides, or refused already.

The order of writing makes every kill harmless. A held version is written before the record names it. A release puts the
snapshot in its place first, in one step, and then forgets that it was held; a record that holds what is active is
settled by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.quarantine.change import SHOWN, Change, change_between
from kycrisk.feeds.quarantine.expectation import Step
from kycrisk.feeds.quarantine.judge import Site, reasons_to_hold, taken_step
from kycrisk.feeds.quarantine.lasting import NO_SAMPLE, day_of, holder, lasting, names_of, sampled
from kycrisk.feeds.quarantine.reasons import FlipJudge, Flips, Reason
from kycrisk.feeds.quarantine.record import (
    NOTHING,
    Held,
    LeftOut,
    Record,
    Verdict,
    locked,
    quarantine_folder,
    read_record,
    write_record,
)
from kycrisk.feeds.snapshot import DamagedSnapshot, Header, Snapshot


class NothingHeld(Exception):
    """Why there is nothing to decide about, in words. `another`: a version is held, but not the one that was meant."""

    def __init__(self, message: str, *, another: bool = False) -> None:
        super().__init__(message)
        self.another = another


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """What new versions are judged by, beside the list's own past: the site, and who its customers are.

    Without `flips` it is not known whom a version would touch, and it is judged by the rest.
    """

    site: Site = field(default_factory=Site)
    flips: FlipJudge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What became of a version: it is active, held, or was refused earlier.

    `left_out`: what is everybody's and was not named before, in a version that is active without it.
    """

    status: Literal["active", "held", "refused"]
    reasons: tuple[Reason, ...] = ()
    verdict: Verdict | None = None
    left_out: tuple[str, ...] = ()


def admit(
    feed: Feed, new: Snapshot, folder: Path, *, last: Snapshot | None, now: datetime, quarantine: Quarantine
) -> Admission:
    """Make a version active, or hold it. `last` is the one that is active; the lock of the list is held.

    Raises `OSError`: nothing has changed then.
    """
    record = _current_record(feed, folder, last)
    sha256 = new.header.sha256
    if (verdict := record.refused.get(sha256)) is not None:
        return Admission(status="refused", verdict=verdict)
    if record.held is not None and record.held.sha256 == sha256 and _held_snapshot(folder, feed, record):
        return Admission(status="held", reasons=record.held.reasons)
    change = change_between(last.entries, new.entries) if last else None
    days = _days(last.header.fetched_at, now) if last else 0.0
    kept = lasting(record.sample, day_of(now), holder(new.entries)) if last else None
    if sha256[:32] in record.good:  # the source took a change back: what was good once is good again
        reasons: tuple[Reason, ...] = ()
        flips = None
    else:
        flips = quarantine.flips(feed, new.entries) if quarantine.flips else None
        reasons = reasons_to_hold(
            feed,
            new,
            last=last.header if last else None,
            change=change,
            history=record.steps,
            days=days,
            flips=flips,
            site=quarantine.site,
            lasting=kept,
        )
    if reasons:
        _hold(feed, new, folder, record, _held(new, change, reasons, flips, now))
        return Admission(status="held", reasons=reasons)
    snapshot.write(folder, new)
    step = taken_step(change, days, released=False, lasting=kept) if change else None
    begun = begun_to_name(new.header, last.header if last else None)
    write_record(folder, feed.name, _taken(record, new, step, begun, now))
    return Admission(status="active", left_out=begun)


def held_version(feed: Feed, folder: Path) -> Held | None:
    """What is held of a list; None when nothing is. Needs no lock."""
    record = read_record(folder, feed.name)
    if record.source != _source(feed) or record.held is None:
        return None
    waiting, active = _sha256(quarantine_folder(folder), feed.name), _sha256(folder, feed.name)
    return record.held if waiting == record.held.sha256 != active else None


def left_out(feed: Feed, folder: Path) -> tuple[LeftOut, ...]:
    """What versions that were taken began to name and are without, the newest last. Needs no lock."""
    record = read_record(folder, feed.name)
    return record.left_out if record.source == _source(feed) else ()


def held_snapshot(feed: Feed, folder: Path) -> Snapshot | None:
    """The held version itself."""
    return _held_snapshot(folder, feed, read_record(folder, feed.name)) if held_version(feed, folder) else None


def decide(
    feed: Feed,
    folder: Path,
    *,
    release: bool,
    by: str,
    why: str,
    now: datetime,
    sha256: str = "",
    keep: Callable[[Held], None] = lambda held: None,
) -> Held:
    """Make the held version active, or refuse it for good; what was held is returned.

    `sha256`, or how it begins, says which version is meant, for where a newer one may be held meanwhile. `keep` writes
    the decision down elsewhere, before it has any effect: what it raises keeps the version held. Raises `NothingHeld`
    and `OSError`.
    """
    with locked(folder, feed.name):
        held = held_version(feed, folder)
        record = read_record(folder, feed.name)
        waiting = _held_snapshot(folder, feed, record)
        if held is None or waiting is None:
            raise NothingHeld(f"nothing of `{feed.name}` is held")
        if not held.sha256.startswith(sha256):
            raise NothingHeld(f"`{sha256[:64]}` is not held any more; `{held.sha256[:12]}` is", another=True)
        keep(held)
        verdict = Verdict(sha256=held.sha256, released=release, by=by, why=why, at=now)
        decided = replace(record, verdicts=(*record.verdicts, verdict))
        if release:
            last = _stored(folder, feed.name)
            step = _released_step(record, last, waiting, held.since) if last else None
            begun = begun_to_name(waiting.header, last.header if last else None)
            snapshot.write(folder, waiting)
            after = _taken(decided, waiting, step, begun, now)
        else:
            after = replace(decided, held=None, refused={**record.refused, held.sha256: verdict})
        write_record(folder, feed.name, after)
        snapshot.path_of(quarantine_folder(folder), feed.name).unlink(missing_ok=True)
        return held


def _hold(feed: Feed, new: Snapshot, folder: Path, record: Record, held: Held) -> None:
    """A newer version takes the place of one that waits, and waits as long as that did."""
    snapshot.write(quarantine_folder(folder), new)
    since = record.held.since if record.held else held.since
    write_record(folder, feed.name, replace(record, held=replace(held, since=since)))


def _held(
    new: Snapshot, change: Change | None, reasons: tuple[Reason, ...], flips: Flips | None, now: datetime
) -> Held:
    return Held(
        sha256=new.header.sha256,
        since=now,
        reasons=reasons,
        entries=len(new.entries),
        added=change.added if change else len(new.entries),
        removed=change.removed if change else 0,
        added_examples=change.added_examples if change else (),
        removed_examples=change.removed_examples if change else (),
        flips=flips,
    )


def begun_to_name(new: Header, last: Header | None) -> tuple[str, ...]:
    """What is everybody's, is left out of a version, and was not named by the version before; of a first one nothing
    has begun."""
    if last is None or last.shared is None:
        return ()
    return tuple(name for name in new.shared or () if name not in last.shared)


def _released_step(record: Record, last: Snapshot, new: Snapshot, since: datetime) -> Step:
    kept = lasting(record.sample, day_of(since), holder(new.entries))
    change = change_between(last.entries, new.entries)
    return taken_step(change, _days(last.header.fetched_at, since), released=True, lasting=kept)


def _taken(record: Record, new: Snapshot, step: Step | None, begun: tuple[str, ...], now: datetime) -> Record:
    """The record once a version is active: whatever was held is older than it, and forgotten."""
    sha256 = new.header.sha256
    without = (LeftOut(sha256=sha256, at=now, names=begun[:SHOWN]),) if begun else ()
    return replace(
        record,
        steps=(*record.steps, step) if step and step.added + step.removed else record.steps,
        good=(*(each for each in record.good if each != sha256[:32]), sha256[:32]),
        held=None,
        sample=sampled(names_of(new.entries), record.sample, day_of(now)),
        left_out=(*record.left_out, *without),
    )


def _current_record(feed: Feed, folder: Path, last: Snapshot | None) -> Record:
    """What is remembered, settled: what a killed release left, and the version that was active before there was a
    record, are put right. A list that comes from elsewhere now has no past."""
    record = read_record(folder, feed.name)
    if record.source != _source(feed):
        record = replace(NOTHING, source=_source(feed), verdicts=record.verdicts)
    if last is not None and not record.sample:
        since = day_of(last.header.fetched_at)
        record = replace(record, sample=sampled(names_of(last.entries), NO_SAMPLE, since))
    if last is not None and last.header.sha256[:32] not in record.good:
        record = replace(record, good=(*record.good, last.header.sha256[:32]))
    if last is not None and record.held is not None and record.held.sha256 == last.header.sha256:
        record = replace(record, held=None)
    return record


def _source(feed: Feed) -> str:
    return f"{feed.purpose} {feed.kind} {feed.url}"


def _stored(folder: Path, name: str) -> Snapshot | None:
    try:
        return snapshot.load(folder, name)
    except DamagedSnapshot:
        return None


def _sha256(folder: Path, name: str) -> str:
    try:
        header = snapshot.read_header(folder, name)
    except DamagedSnapshot:
        return ""
    return header.sha256 if header else ""


def _held_snapshot(folder: Path, feed: Feed, record: Record) -> Snapshot | None:
    """The version that the record says is held, when it is there in full."""
    found = _stored(quarantine_folder(folder), feed.name)
    if record.held is None or found is None or found.header.sha256 != record.held.sha256:
        return None
    return found


def _days(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since) / timedelta(days=1))
