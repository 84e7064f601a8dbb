"""The outside, as cases see it: ticket systems, panels, mail and phones. Adapters are in `tickets`, `panels`,
`messages`; each call may come twice with the same key, and is then to have its effect once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


class OutsideFailure(Exception):
    """It was not done, and may work later. The words are for the operator's log: no secret, no personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom it is about: the operator's own name of the account, and the address that the panel knows them by."""

    account_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMessage:
    """What is to stand in a ticket. `mark` stands in its text, too, so that it is found again."""

    person: Person
    subject: str
    text: str
    mark: str
    key: str


class Tickets(Protocol):
    """A ticket system. Methods raise `OutsideFailure`."""

    async def open(self, message: TicketMessage, *, again: bool) -> str:
        """Open a ticket; its reference. `again`: it may have been opened before, without us hearing of it."""

    async def reply(self, reference: str, message: TicketMessage, *, again: bool) -> None:
        """Add a message to a ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Something to be held back, or let go: `orders`, `services`, `refunds` or `feature:NAME`."""

    person: Person
    kind: str
    cause: str
    case: str
    key: str


class Panel(Protocol):
    """What holds things back. Methods raise `OutsideFailure`."""

    async def hold(self, held: HeldBack) -> str:
        """Hold it back; what was changed for it, as JSON, to be changed back and nothing else."""

    async def release(self, held: HeldBack, changed: str) -> None:
        """Change back what was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail, as text and as HTML. `key` becomes its Message-ID, so that doubles are told."""

    to: str
    subject: str
    text: str
    html: str
    key: str
    in_reply_to: str = ""


class Mail(Protocol):
    """A way for mail. Raises `OutsideFailure`."""

    async def send(self, letter: Letter) -> str:
        """Send it; its Message-ID."""


class Sms(Protocol):
    """A way for texts to phones. Raises `OutsideFailure`."""

    async def send(self, to: str, text: str) -> None:
        """Send a text to a number in E.164."""


#: The link of ours that leads a customer to a case; empty where there is no public address. Takes the case's id.
Link = Callable[[str], Awaitable[str]]
#: Destroys the pictures of a case. Takes the case's id.
Purge = Callable[[str], Awaitable[None]]


async def no_link(case_id: str) -> str:
    """Where there is no public address, letters lead to the operator's own pages."""
    return ""


async def nothing_to_purge(case_id: str) -> None:
    """Where no pictures are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a site is connected with. What is None is not there: its actions are moot."""

    tickets: Tickets | None = None
    panel: Panel | None = None
    mail: Mail | None = None
    sms: Sms | None = None
    operators: tuple[str, ...] = ()
    link: Link = no_link
    purge: Purge = nothing_to_purge
