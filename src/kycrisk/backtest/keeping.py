"""The archive kept in step with the store: new decisions come to it, erased and retired ones leave it."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from kycrisk.backtest.archive import Archive, BrokenSegment, Manifest, Segment
from kycrisk.backtest.building import Builder, Row
from kycrisk.backtest.part import Part, merged, only
from kycrisk.decision_json import DecisionFormatError
from kycrisk.store.decision_history import DecisionHistory, PastDecision
from kycrisk.store.moments import micros

#: Decisions in a segment at most: large enough for columns to pay, small enough to be written anew for one erasure.
MOST = 250_000
_PAGE = 1_000
_CHUNK = 20 * _PAGE  # decisions as Python objects at a time

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Kept:
    """What was done to bring the archive in step."""

    added: int = 0
    erased: int = 0  # decisions of which only what stays of an erased one is kept from now on
    retired: int = 0  # decisions that are past their retention
    unreadable: int = 0  # decisions whose evidence is malformed, kept without it
    rebuilt: list[str] = field(default_factory=list)  # what was broken, and why

    def __bool__(self) -> bool:
        return bool(self.added or self.erased or self.retired or self.rebuilt)


async def keep_in_step(
    archive: Archive, history: DecisionHistory, *, progress: Progress = no_progress, most: int = MOST
) -> tuple[Manifest, Kept]:
    """Bring the archive in step with the store, whatever was done to either. May be interrupted and begun again.

    The caller holds `archive.changing()`. Raises `StoreError`, and `OSError` when the disk is full or read-only.
    """
    kept = Kept()
    manifest = await _standing(archive, history, kept)
    retained = await history.retained_from()
    before = manifest.retained_from if retained is None else micros(retained)
    erased = await history.erased()
    segments: list[Segment] = []
    for segment in manifest.segments:
        segments += await _mended(archive, history, segment, erased, before, kept)
    mended = replace(manifest, segments=tuple(segments), retained_from=before)
    if mended != manifest:
        archive.name(mended)
    return await _appended(archive, history, mended, kept, progress, most), kept


async def _standing(archive: Archive, history: DecisionHistory, kept: Kept) -> Manifest:
    """What the archive holds of this very store: nothing where the store was put back, or is another one."""
    manifest = archive.manifest()
    if manifest is None:
        if any(archive.folder.glob("*.json")):
            kept.rebuilt.append("the manifest cannot be read: everything is built anew")
        return Manifest()
    found = await history.id_of(manifest.last)
    if manifest.last and found != manifest.last_id:
        retained = await history.retained_from()
        gone = found is None and retained is not None and await history.last() >= manifest.last
        if not gone:
            kept.rebuilt.append("the store is not the one that was copied: everything is built anew")
            return Manifest()
    return manifest


async def _mended(
    archive: Archive, history: DecisionHistory, segment: Segment, erased: Sequence[int], before: int | None, kept: Kept
) -> list[Segment]:
    """A segment without what was erased or is past its time; made anew where it is broken."""
    ours = erased[bisect_left(erased, segment.first) : bisect_right(erased, segment.last)]
    if archive.there(segment) and len(ours) <= segment.erased and (before is None or segment.since >= before):
        return [segment]
    try:
        part = archive.read(segment)
    except BrokenSegment as broken:
        kept.rebuilt.append(f"{broken}: built anew from the store")
        return await _from_store(archive, history, segment, kept)
    frame = part.frame
    if before is not None:
        kept.retired += int((frame["at"].to_physical() < before).sum())
        part = only(part, frame["at"].to_physical() >= before)
        frame = part.frame
    gone = frame.filter(frame["seq"].is_in(list(ours)) & ~frame["erased"])["seq"].to_list()
    if gone:
        kept.erased += len(gone)
        rest = only(part, ~frame["seq"].is_in(gone))
        part = merged([rest, _part_of(await history.numbered(gone), kept)])
    return [archive.write(part)] if part.height else []


async def _from_store(archive: Archive, history: DecisionHistory, segment: Segment, kept: Kept) -> list[Segment]:
    parts: list[Part] = []
    last = segment.first - 1
    while last < segment.last:
        page = [each for each in await history.after(last, _PAGE) if each.seq <= segment.last]
        if not page:
            break
        parts.append(_part_of(page, kept))
        last = page[-1].seq
    return [archive.write(merged(parts))] if parts else []


async def _appended(
    archive: Archive, history: DecisionHistory, manifest: Manifest, kept: Kept, progress: Progress, most: int
) -> Manifest:
    """The decisions that came since. Each full segment is named at once, so that a long first build can be resumed."""
    newest = await history.last()
    gathering, parts, last_id = Builder(), list[Part](), manifest.last_id
    last, waiting = manifest.last, 0
    while page := await history.after(last, _PAGE):
        for each in page:
            _add(gathering, each, kept)
        last, last_id, waiting = page[-1].seq, page[-1].id, waiting + len(page)
        kept.added += len(page)
        progress(last, max(newest, last))
        if len(gathering.rows) >= _CHUNK:
            parts.append(gathering.take())
        if waiting >= most:
            manifest = _named(archive, manifest, [*parts, gathering.take()], last, last_id, most)
            parts, waiting = [], 0
    return _named(archive, manifest, [*parts, gathering.take()], last, last_id, most)


def _named(archive: Archive, manifest: Manifest, parts: Sequence[Part], last: int, last_id: str, most: int) -> Manifest:
    """The manifest with new decisions. Small segments at the end become larger ones, each row a few times at most."""
    filled = [part for part in parts if part.height]
    if not filled:
        return manifest
    segments, new = list(manifest.segments), merged(filled)
    while segments and segments[-1].rows <= 4 * new.height and segments[-1].rows + new.height <= most:
        try:
            new = merged([archive.read(segments[-1]), new])
        except BrokenSegment:
            break  # told of, and built anew, when it is read
        segments.pop()
    named = replace(manifest, last=last, last_id=last_id, segments=(*segments, archive.write(new)))
    archive.name(named)
    return named


def _part_of(decisions: Iterable[PastDecision], kept: Kept) -> Part:
    builder = Builder()
    for each in decisions:
        _add(builder, each, kept)
    return builder.take()


def _add(builder: Builder, each: PastDecision, kept: Kept) -> None:
    row = Row(
        seq=each.seq,
        id=each.id,
        account=each.pseudonym,
        signup=each.signup,
        at=each.decided_at,
        outcome=each.outcome.word,
        score=each.score,
        settled=each.settled,
        lowest=each.lowest.word,
        highest=each.highest.word,
        erased=each.erased,
        ruleset=each.ruleset,
        findings=each.findings,
    )
    try:
        builder.add(row, json.loads(each.text)["evidence"])
    except (DecisionFormatError, ValueError, KeyError, TypeError):
        kept.unreadable += 1
        builder.add(row, {})
