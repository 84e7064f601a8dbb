"""The Tor project's ways to say which addresses exit traffic comes from."""

from __future__ import annotations

from ipaddress import ip_address

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import Parsed, json_of, moment, text_of


def parse_exit_addresses(body: bytes) -> Parsed:
    """TorDNSEL's exit list: records `ExitNode`, `Published`, `LastStatus`, `ExitAddress IP date time` (0 to n).

    Format: tordnsel/exitlist-spec.txt. CollecTor's copies open with `@type` and `Downloaded`, which dates the list;
    else it is as old as its newest `LastStatus`.
    """
    entries: list[str] = []
    downloaded = newest_status = ""
    nodes = statuses = 0
    for line in text_of(body).splitlines():
        match line.split():
            case ["ExitAddress", address, *_]:
                entries.append(address)
            case ["LastStatus", date, time]:
                newest_status = max(newest_status, f"{date} {time}")
                statuses += 1
            case ["Downloaded", date, time]:
                downloaded = f"{date} {time}"
            case ["ExitNode", *_]:
                nodes += 1
            case [] | ["Published" | "@type", *_]:
                pass
            case _:
                raise FeedFailure(f"`{line[:60]}` is not a line of an exit list")
    if not nodes:
        raise FeedFailure("no `ExitNode` record in it")
    if statuses != nodes:
        raise FeedFailure(f"{nodes} records and {statuses} with their status, so it is cut off")
    return Parsed(entries=entries, as_of=moment(downloaded or newest_status))


def parse_onionoo(body: bytes) -> Parsed:
    """Onionoo's details document: `exit_addresses` of the past day, and the onion-routing addresses of exits.

    IPv6 exits appear nowhere else than among the `or_addresses`, as the exit scanner speaks IPv4 only.
    """
    document = json_of(body)
    relays = document.get("relays") if isinstance(document, dict) else None
    if not isinstance(relays, list) or not all(isinstance(relay, dict) for relay in relays):
        raise FeedFailure("it has no `relays`, so it is not an Onionoo details document")
    published = document.get("relays_published")
    entries: list[str] = []
    for relay in relays:
        entries += [item for item in relay.get("exit_addresses", ()) if isinstance(item, str)]
        # A query with `flag=Exit` may leave the flags out; then every relay in the answer is an exit.
        if "Exit" in relay.get("flags", ("Exit",)):
            sockets = (item for item in relay.get("or_addresses", ()) if isinstance(item, str))
            entries += [_host(socket) for socket in sockets]
    return Parsed(entries=entries, as_of=moment(published) if isinstance(published, str) else None)


def _host(socket: str) -> str:
    """`[2001:db8::1]:9001` → `2001:db8::1`, without its port."""
    host = socket.rpartition(":")[0].strip("[]")
    try:
        return str(ip_address(host))
    except ValueError:
        return socket  # counted as malformed with the rest
