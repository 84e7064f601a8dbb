"""Hosts that tell what a domain is for: those of disposable mail, and the name servers of parked domains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kycrisk.problems import Place, Problem, Problems
from kycrisk.shipped import shipped


@dataclass(frozen=True, slots=True)
class HostSet:
    """Domains; everything below them is in the set, too."""

    domains: frozenset[str]

    def find(self, host: str) -> str:
        """The entry that a host is or lies below, "" where there is none."""
        rest = host
        while rest:
            if rest in self.domains:
                return rest
            rest = rest.partition(".")[2]
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHosts:
    """The lists that mail domains are judged by. `shared` hosts are never disposable, whatever a list says."""

    disposable: HostSet
    shared: HostSet
    parked: HostSet

    def disposable_host(self, hosts: Iterable[str]) -> str:
        """The first of these mail hosts that belongs to a service for disposable mail, "" where none does."""
        return next((host for host in hosts if self.disposable.find(host) and not self.shared.find(host)), "")

    def parking_server(self, servers: Iterable[str]) -> str:
        """The first of these name servers that belongs to a domain parking, "" where none does."""
        return next((server for server in servers if self.parked.find(server)), "")


def read_mail_hosts(*, more_disposable: Iterable[Path] = ()) -> MailHosts:
    """The lists that ship with kycrisk, and further files of disposable mail hosts. Raises `Problems`."""
    shared = read_host_set(shipped("data/lists/shared_mail_host.txt"))
    files = [shipped("data/lists/disposable_mail_host.txt"), *more_disposable]
    disposable = frozenset().union(*(read_host_set(path).domains for path in files))
    above_shared = {parent for host in shared.domains for parent in _parents(host)}
    return MailHosts(
        disposable=HostSet(disposable - above_shared),
        shared=shared,
        parked=read_host_set(shipped("data/lists/parked_name_server.txt")),
    )


def read_host_set(path: Path) -> HostSet:
    """The hosts in a text file, one a line, `#` before comments. Raises `Problems`: every line that is no host."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Problems([Problem(str(path), f"cannot be read: {str(error).lower()}")]) from None
    problems: list[Problem] = []
    domains: set[str] = set()
    for number, line in enumerate(lines, start=1):
        host = line.partition("#")[0].strip().lower().removesuffix(".")
        if not host:
            continue
        if (
            "." not in host
            or not host.isascii()
            or not host.replace(".", "").replace("-", "").replace("_", "").isalnum()
        ):
            message = f"`{host[:60]}` is not a host such as `mx.example.com`"
            problems.append(Problem(Place(str(path), number, 1, line), message, "write one host a line, in A-labels"))
        domains.add(host)
    if problems:
        raise Problems(problems)
    return HostSet(frozenset(domains))


def _parents(host: str) -> Iterable[str]:
    rest = host.partition(".")[2]
    while "." in rest:
        yield rest
        rest = rest.partition(".")[2]
