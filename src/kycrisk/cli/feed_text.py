"""Lists as people read them: how each stands, and what became of an update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from kycrisk.cli.terminal import Paint, visible, wrapped
from kycrisk.decision_json import moment_text
from kycrisk.durations import format_duration
from kycrisk.feeds.catalogue import NEVER, Feed
from kycrisk.feeds.match import NetworkSet
from kycrisk.feeds.purposes import PURPOSES, Shape
from kycrisk.feeds.snapshot import Snapshot
from kycrisk.feeds.sources import is_built_in, is_remote
from kycrisk.feeds.standing import FeedStanding
from kycrisk.feeds.taking import Absent
from kycrisk.feeds.update import UpdateResult
from kycrisk.normal.email import normal_email

_STYLES = {"fresh": "green", "stale": "yellow", "missing": "yellow", "disabled": "dim"}
_SHOWN = 10
_STATUS = {
    "updated": "green",
    "failed": "bad",
    "skipped": "yellow",
    "not_due": "dim",
    "unchanged": "dim",
    "held": "yellow",
    "refused": "dim",
}


def standing_lines(found: Sequence[FeedStanding], paint: Paint, now: datetime) -> Iterator[str]:
    """Two lines a feed, under the purpose that it serves."""
    groups = {name: [each for each in found if each.feed.purpose == name] for name in PURPOSES}
    for number, (name, rows) in enumerate((name, rows) for name, rows in groups.items() if rows):
        yield from [""] if number else []
        yield paint("bold", PURPOSES[name].title)
        for each in rows:
            feed, header = each.feed, each.header
            state = paint(_STYLES[each.state], f"{each.state:<8}")
            age = _age(now - header.as_of) if header else ""
            entries = f"{header.entries:,}" if header else ""
            yield f"  {feed.name:<34} {state} {age:>5} {entries:>10}  {_due(each, now)}".rstrip()
            if each.held is not None:
                yield paint("yellow", f"      a newer version is held since {each.held.since:%Y-%m-%d}")
            text = f"{feed.trust}; lineage {feed.lineage}; {feed.licence}"
            yield from (paint("dim", line) for line in wrapped(text, first=" " * 6, rest=" " * 6))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _due(each: FeedStanding, now: datetime) -> str:
    if not each.feed.enabled:
        return ""
    if is_built_in(each.feed.url):
        return "built in"
    if each.header is None:
        return "due now"
    due = each.header.checked_at + each.feed.refresh - now
    return f"due in {_age(due)}" if due > timedelta() else "due now"


def _age(age: timedelta) -> str:
    """In its largest unit: `3d`, `5h`, `12m`."""
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if age >= unit:
            return format_duration(age // unit * unit)
    return "0m"


def standing_dict(each: FeedStanding) -> dict[str, Any]:
    """How a feed stands, as JSON has it."""
    feed, header = each.feed, each.header
    return {
        "name": feed.name,
        "title": feed.title,
        "purpose": feed.purpose,
        "state": each.state,
        "as_of": moment_text(header.as_of) if header else None,
        "checked_at": moment_text(header.checked_at) if header else None,
        "entries": header.entries if header else 0,
        "dropped": dict(header.dropped) if header else {},
        "left_out": list(header.shared or ()) if header else [],
        "sha256": header.sha256 if header else None,
        "held_since": moment_text(each.held.since) if each.held else None,
        "why": each.found.what if isinstance(each.found, Absent) else None,
        "url": feed.url,
        "licence": feed.licence,
        "lineage": feed.lineage,
        "trust": feed.trust,
        "max_age": None if feed.max_age == NEVER else format_duration(feed.max_age),
        "refresh": format_duration(feed.refresh),
    }


def detail_lines(each: FeedStanding, paint: Paint, now: datetime) -> Iterator[str]:
    """Everything about one feed."""
    feed, header = each.feed, each.header
    yield f"{paint('bold', feed.name)}  {paint(_STYLES[each.state], each.state)}"
    rows = {
        "title": feed.title,
        "purpose": f"{feed.purpose}: {PURPOSES[feed.purpose].title}",
        "from": feed.url,
        "kind": feed.kind,
        "licence": feed.licence,
        "credit": feed.credit,
        "lineage": ", ".join([feed.lineage, *(f"copies {copied}" for copied in feed.copies)]),
        "copy of": feed.copy_of,
        "trust": feed.trust,
        "refresh": format_duration(feed.refresh),
        "max age": "never stale" if feed.max_age == NEVER else format_duration(feed.max_age),
    }
    if isinstance(each.found, Absent):
        rows["missing"] = each.found.what
    if header is not None:
        rows |= {
            "entries": f"{header.entries:,}",
            "dropped": ", ".join(f"{number:,} {why.replace('_', ' ')}" for why, number in header.dropped.items()),
            "left out": _some(header.shared or ()),
            "as of": f"{header.as_of:%Y-%m-%d %H:%M} UTC, {_age(now - header.as_of)} old ({header.as_of_from})",
            "checked": f"{header.checked_at:%Y-%m-%d %H:%M} UTC; {_due(each, now)}",
            "sha256": header.sha256,
        }
    if each.held is not None:
        rows["held"] = (
            f"a newer version, since {each.held.since:%Y-%m-%d %H:%M} UTC; `kycrisk feeds review {feed.name}`"
        )
    for name, text in rows.items():
        if text:
            yield from wrapped(visible(text), first=f"  {name:<9}", rest=" " * 11)


def contained(feed: Feed, found: Snapshot | Absent, key: str) -> str | None:
    """The entry of a list that matches a key, None when there is none. Raises `ValueError`: it cannot be asked."""
    if isinstance(found, Absent):
        raise ValueError(found.what)
    entries = found.entries
    if isinstance(entries, NetworkSet):
        try:
            return entries.find(ip_address(key))
        except ValueError:
            raise ValueError(f"`{feed.name}` lists networks, and `{key}` is not an IP address") from None
    if PURPOSES[feed.purpose].shape is Shape.EMAIL:
        return entries.find(key)
    domain = normal_email(f"x@{key}").domain
    if not domain:
        raise ValueError(f"`{feed.name}` lists domains, and `{key}` is not one")
    return entries.find(domain)


def result_lines(results: Sequence[UpdateResult], paint: Paint, now: datetime) -> Iterator[str]:
    """What became of each feed."""
    for result in results:
        status = paint(_STATUS[result.status], f"{result.status.replace('_', ' '):<9}")
        entries = f"{result.entries:,}" if result.as_of else ""
        dated = f"as of {result.as_of:%Y-%m-%d}" if result.as_of else ""
        yield f"{status}  {result.feed.name:<32} {entries:>9}  {dated}".rstrip()
        if result.reason:
            yield from wrapped(visible(result.reason), first=" " * 13, rest=" " * 13)
        if result.status == "updated" and result.dropped:
            dropped = ", ".join(f"{number:,} {why.replace('_', ' ')}" for why, number in result.dropped.items())
            yield from wrapped(f"dropped: {dropped}", first=" " * 13, rest=" " * 13)
        if result.left_out:
            told = f"begins to name what is everybody's, and is left out: {_some(result.left_out)}"
            yield from wrapped(visible(told), first=" " * 13, rest=" " * 13)
    if not any(is_remote(result.feed.url) or result.feed.enabled for result in results):
        yield "no feed is enabled"
