"""Does a new version look like an accident? The reasons to hold it, none when it may become active."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network

from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.hygiene import suffixes
from kycrisk.feeds.match import Network, NetworkSet
from kycrisk.feeds.purposes import PURPOSES, Shape
from kycrisk.feeds.quarantine.change import SHOWN, Change
from kycrisk.feeds.quarantine.expectation import Series, Step, limits
from kycrisk.feeds.quarantine.lasting import LONG, Lasting
from kycrisk.feeds.quarantine.popular import popular_domains
from kycrisk.feeds.quarantine.reasons import Flips, Kind, Reason
from kycrisk.feeds.snapshot import Header, Snapshot

#: The share of the customers that a version may flip before it is held, where the settings say nothing.
FLIPS = 0.005
#: So many protected domains that a version begins to name are no coincidence.
_PROTECTED_AT_ONCE = 2
#: A first version that names so many very popular domains is not the list. (Dirty ones name up to five.)
_WRONG_FILE = 10
#: Clocks of servers behind one name differ by less than this.
_CLOCKS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the site itself says: the share of customers that may flip, and its own domains and networks."""

    flips: float = FLIPS
    own: tuple[str, ...] = ()


def reasons_to_hold(
    feed: Feed,
    new: Snapshot,
    *,
    last: Header | None,
    change: Change | None,
    history: Sequence[Step],
    days: float,
    flips: Flips | None,
    site: Site,
    lasting: Lasting | None = None,
) -> tuple[Reason, ...]:
    """Everything that speaks for an accident.

    `last` is the version that is active, `change` what is different from it and `days` how long ago it came; all of
    them are None or 0 for the first version of a list, of which only its entries can be judged. `lasting` is what
    became of entries that had been there for long, None where that cannot be told.
    """
    found = [*_shared(new, last, PURPOSES[feed.purpose].accuses), *_own(new, site)]
    if change is not None:
        shape = PURPOSES[feed.purpose].shape
        found += _size(change, history, days, shape, lasting)
        if shape is Shape.NETWORK and not any(reason.kind in _OF_SIZE for reason in found):
            found += _cover(change)
        if change.popular and PURPOSES[feed.purpose].accuses:
            found.append(_named("popular", "networks that many stand behind", change.popular))
    if last is not None:
        found += _older(new.header, last, feed)
    if flips is not None and flips.share > site.flips:
        found.append(_flips(flips, site))
    return tuple(found)


_OF_SIZE: tuple[Kind, ...] = ("removed", "shrunk", "lasting", "added")


def _size(
    change: Change, history: Sequence[Step], days: float, shape: Shape, lasting: Lasting | None
) -> Iterator[Reason]:
    step = taken_step(change, days, released=False, lasting=lasting)
    believed = limits(history, days, shape)
    over: list[Series] = [series for series, limit in believed.items() if step.measure(series) > limit]
    left = change.size - change.removed + change.added
    known = f"after {len(history)} earlier changes" if history else "as nothing is known of earlier changes"
    for series in over:
        limit = believed[series]
        match series:
            case "added":
                most = _entries(change.size, limit, growing=True)
                text = f"it adds {change.added:,} entries to {change.size:,}; up to {most:,} are believed {known}"
                yield Reason(kind="added", text=text, examples=change.added_examples)
            case "removed":
                most = _entries(change.size, limit, growing=False)
                text = f"it removes {change.removed:,} of {change.size:,} entries; up to {most:,} are believed {known}"
                yield Reason(kind="removed", text=text, examples=change.removed_examples)
            case "shrunk" if "removed" not in over:
                least = change.size - _entries(change.size, limit, growing=False)
                text = f"it shrinks from {change.size:,} to {left:,} entries; {least:,} or more are believed {known}"
                yield Reason(kind="shrunk", text=text, examples=change.removed_examples)
            case "lasting" if lasting is not None and "removed" not in over:
                most = _entries(lasting.there, limit, growing=False)
                gone = (
                    f"it removes {lasting.gone:,} of {lasting.there:,} sampled entries that were there for {LONG} days"
                )
                text = f"{gone} or longer; up to {most:,} are believed {known}"
                yield Reason(kind="lasting", text=text, examples=lasting.examples)


def _entries(size: int, limit: float, *, growing: bool) -> int:
    """How many entries a limit stands for, in a list of this size."""
    step = Step(days=0, size=size, added=0, removed=0)
    return step.entries_at(limit, growing=growing)


def _cover(change: Change) -> Iterator[Reason]:
    """Networks of which few come or go can still be most of what the list covers: one /9 among addresses."""
    covered = change.covered + _SMALL_COVER
    if change.newly_covered > covered * 2:
        text = f"it covers {change.newly_covered:,} addresses more, where it covered {change.covered:,}"
        yield Reason(kind="wide", text=text, examples=change.added_examples)
    if change.no_longer_covered > covered * 0.8:
        text = f"it no longer covers {change.no_longer_covered:,} of the {change.covered:,} addresses that it covered"
        yield Reason(kind="removed", text=text, examples=change.removed_examples)


_SMALL_COVER = 65_536


def _shared(new: Snapshot, last: Header | None, accuses: bool) -> Iterator[Reason]:
    """What is everybody's and was not named by the version before. It is left out of the list in any case."""
    if last is not None and last.shared is None:
        return  # that version was compiled when this was not looked at yet
    fresh = set(new.header.shared or ()) - set((last.shared if last else None) or ())
    networks = sorted(name for name in fresh if "/" in name)
    if networks and last is not None:  # lists of bogons name them always
        yield _named("wide", "networks that no list can mean", networks)
    registries = suffixes(registries_only=True)
    names = sorted(name for name in fresh if "/" not in name)
    public = [name for name in names if registries.named(name)]
    if public and last is not None:
        yield _named("suffix", "suffixes under which anybody registers", public)
    if not accuses:
        return
    popular = [name for name in names if name in popular_domains() and name not in public]
    protected = [name for name in names if name not in public]
    if len(popular) >= (1 if last is not None else _WRONG_FILE):
        yield _named("popular", "very popular domains", popular)
    elif last is not None and len(protected) >= _PROTECTED_AT_ONCE:
        yield _named("protected", "protected domains", protected)


def _named(kind: Kind, what: str, names: Sequence[str]) -> Reason:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Reason(kind=kind, text=f"it begins to name {what}: {shown}", examples=tuple(names[:SHOWN]))


def _own(new: Snapshot, site: Site) -> Iterator[Reason]:
    """The site's own domains and networks, which no list may name. They are held however long they were named."""
    hit: list[str] = []
    for own in site.own:
        network = _network(own)
        if isinstance(new.entries, NetworkSet):
            hit += [own] if network is not None and _overlaps(new.entries, network) else []
        elif network is None:
            hit += [own] if new.entries.find(own) is not None else []
    if hit:
        yield Reason(kind="own", text=f"it names what is your own: {', '.join(hit[:3])}", examples=tuple(hit[:SHOWN]))


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _overlaps(entries: NetworkSet, network: Network) -> bool:
    if entries.find(ip_address(network.network_address)) is not None:
        return True
    first, behind = int(network.network_address), int(network.broadcast_address) + 1
    return any(first <= start < behind for start, _ in entries.blocks(network.version))


def _older(new: Header, last: Header, feed: Feed) -> Iterator[Reason]:
    """A list that dates itself, and is dated before the version that is active, was taken from some old copy."""
    same_clock = new.as_of_from == last.as_of_from and new.as_of_from != "checked"
    if same_clock and new.as_of < last.as_of - max(_CLOCKS, feed.refresh):
        text = f"it is of {new.as_of:%Y-%m-%d}, and the version that is active of {last.as_of:%Y-%m-%d}"
        yield Reason(kind="older", text=text)


def _flips(flips: Flips, site: Site) -> Reason:
    text = (
        f"{flips.flips:,} of {flips.accounts:,} customers would get another outcome ({flips.share:.2%}); "
        f"{site.flips:.2%} may"
    )
    examples = tuple(f"{each.account}: {each.before} → {each.after}" for each in flips.examples[:SHOWN])
    return Reason(kind="flips", text=text, examples=examples)


def taken_step(change: Change, days: float, *, released: bool, lasting: Lasting | None = None) -> Step:
    """The change as it is remembered once it was taken."""
    return Step(
        days=days,
        size=change.size,
        added=change.added,
        removed=change.removed,
        released=released,
        lasting=lasting.there if lasting else 0,
        lost=lasting.gone if lasting else 0,
    )
