"""Sessions with identity providers: made when the customer clicks, told of by webhooks, asked about when nothing came.

What a link in a ticket leads to is ours and lives as long as the case; a provider's own link may die within the hour.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from kycrisk.store.failure import NotFound
from kycrisk.store.transaction import Transaction
from kycrisk.verification.attempt import (
    Attempt,
    Heard,
    asked,
    attempts_of,
    begin_attempt,
    hear,
    reference_of,
    stale_attempts,
    told_of,
)
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.policy import StepKind
from kycrisk.verification.progress import entries_of, progress_of
from kycrisk.verification.providers.manual import NAME as PEOPLE
from kycrisk.verification.providers.provider import Event, NewAttempt, Provider, ProviderError, UnknownAttempt
from kycrisk.verification.refusal import ConsentMissing, NotNow, NotPossible
from kycrisk.verification.site import Site
from kycrisk.verification.state import State

_log = logging.getLogger(__name__)

LIFETIME = timedelta(hours=1)
_AT_ONCE = 50

#: What our procedures call documents, in the words of the provider port.
KIND_OF: Mapping[str, DocumentKind] = {
    "passport": DocumentKind.PASSPORT,
    "id_card": DocumentKind.ID_CARD,
    "residence_permit": DocumentKind.RESIDENCE_PERMIT,
    "driving_licence": DocumentKind.DRIVING_LICENCE,
}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A case that a session can be made for."""

    case: Case
    attempts: tuple[Attempt, ...]
    types: tuple[str, ...]
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The sessions of a site with its providers, by their names. `public_url` is where customers reach us."""

    site: Site
    providers: Mapping[str, Provider] = field(default_factory=dict)
    public_url: str = ""

    async def begin(self, case_id: str, *, locale: str = "en", back: str = "") -> str:
        """Where the customer goes on now: a session that still works, or a new one. `back`: where they come back to.

        Raises `NotNow`, `ConsentMissing`, `NotPossible` and `ProviderError`.
        """
        ready = await self.site.store.read(self._ready, case_id)
        provider = self._provider(self.site.policy_of(ready.case).provider)
        latest = ready.attempts[-1] if ready.attempts else None
        if latest is not None and latest.ended_at is None and latest.provider == provider.name:
            again = await provider.reopen(latest.reference)
            if again is not None:
                return again.url
        made = await provider.create_attempt(self._new(ready, locale, back))
        await self.site.store.write(lambda tx: begin_attempt(tx, case_id, provider.name, made.ref))
        return made.url

    async def started(self, case: Case) -> None:
        """The customer has started: where people on our side decide, the attempt with them begins by it."""
        if self.site.policy_of(case).provider == PEOPLE:
            await self.begin(case.id)

    async def forget(self, case_id: str) -> tuple[str, ...]:
        """Have the providers delete what they hold of a case; the attempts of providers that are not set up any more,
        and were not asked. Raises `ProviderError`: then it is to be done again."""
        attempts = await self.site.store.read(attempts_of, case_id)
        for each in attempts:
            if each.provider in self.providers:
                await self.providers[each.provider].delete(each.reference)
        return tuple(f"{each.provider} {each.reference}" for each in attempts if each.provider not in self.providers)

    def hears(self, name: str) -> Provider:
        """The provider that webhooks under a name come from. Raises `NotFound`."""
        found = self.providers.get(name)
        if found is None:
            raise NotFound(f"there is no provider `{name[:40]}`")
        return found

    async def receive(self, name: str, raw: bytes, headers: Mapping[str, str]) -> Heard:
        """Follow a webhook. Raises `WebhookRefused`, `NotFound`, `StoreUnavailable` (then the provider comes again)."""
        event = self.hears(name).parse_webhook(raw, headers)
        heard = await self.site.store.write(lambda tx: hear(tx, self.site, told_of(name, event)))
        if heard.effect == "unknown":
            _log.warning("a webhook of %s is about an attempt that is not known here, or was erased", name)
        elif heard.case is not None and heard.case.state is State.CLOSED:
            _log.warning("a webhook of %s is about a case that is closed", name, extra={"case": heard.case.id})
        return heard

    async def ask_stale(self) -> int:
        """Ask providers about attempts that nothing was heard of, each once; how many were asked."""
        count = 0
        stale = await self.site.store.read(stale_attempts, self.site.clock(), _AT_ONCE)
        for attempt in stale:
            provider = self.providers.get(attempt.provider)
            if provider is None:
                continue
            try:
                event = await provider.fetch(attempt.reference)
            except UnknownAttempt:
                event = None
            except ProviderError as error:
                _log.warning("%s cannot be asked about a stale attempt: %s", attempt.provider, error.detail)
                continue
            await self.site.store.write(lambda tx, a=attempt, e=event: self._answered(tx, a, e))  # type: ignore[misc]
            count += 1
        return count

    def _answered(self, tx: Transaction, attempt: Attempt, event: Event | None) -> None:
        asked(tx, attempt.id)
        if event is not None:
            hear(tx, self.site, told_of(attempt.provider, event))

    def _ready(self, connection: Connection, case_id: str) -> _Ready:
        case = find_case(connection, case_id)
        policy = self.site.policy_of(case)
        progress = progress_of(connection, case, policy)
        if not progress.consented:
            raise ConsentMissing("the customer has not agreed yet")
        if not case.state.takes_entries:
            raise NotNow(f"the case is `{case.state}`, and takes no attempt now")
        if policy.provider == PEOPLE:
            return _Ready(case=case, attempts=attempts_of(connection, case.id), types=(), country="")
        entries = entries_of(connection, self.site.key, case)
        for each in progress.steps:
            if not each.done and each.step.kind is not StepKind.SELFIE:
                raise NotNow(f"`{each.step.name}` comes before the provider", "steps are done in their order")
        chosen = [values for kind, values in entries.items() if kind.startswith("document:")]
        return _Ready(
            case=case,
            attempts=attempts_of(connection, case.id),
            types=tuple(str(each["type"]) for each in chosen),
            country=str(chosen[0]["country"]) if chosen else str(entries.get("country", {}).get("country", "")),
        )

    def _new(self, ready: _Ready, locale: str, back: str) -> NewAttempt:
        kinds = tuple(KIND_OF[each] for each in ready.types if each in KIND_OF)
        hook = f"{self.public_url}/v1/providers/{self.site.policy_of(ready.case).provider}/webhook"
        return NewAttempt(
            reference=reference_of(ready.case.id, ready.attempts),
            subject=self.site.key.pseudonym("provider subject", str(ready.case.account)).hex(),
            country=ready.country,
            documents=kinds,
            locale=locale,
            lifetime=LIFETIME,
            success_url=back,
            error_url=back,
            unverified_url=back,
            webhook_url=hook if self.public_url else "",
        )

    def _provider(self, name: str) -> Provider:
        found = self.providers.get(name)
        if found is None:
            help_ = f"write its keys under `verification.providers.{name}`"
            raise NotPossible(f"the provider `{name}` is not set up", help_)
        return found
