"""The sources of a site as a rescreening asks them: within the budgets, and nobody who keeps the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kycrisk.lookups import fraudrecord
from kycrisk.lookups.source import Consulted
from kycrisk.signals import Unknown, Why
from kycrisk.sources.inquiry import AnyInquiry
from kycrisk.sources.opening import Sources

#: Sources where a question is stored and shown to others: what is kept counts, and they are not asked again.
NOT_AGAIN: Mapping[str, Unknown] = {
    fraudrecord.NAME: Unknown(Why.SKIPPED, "a question to FraudRecord is shown to others: not asked by a rescreening")
}


def sparing(sources: Sources) -> Sources:
    """The same sources, where those of `NOT_AGAIN` answer from what is kept alone."""
    return replace(
        sources, inquiries=tuple(_kept_only(each) if each.name in NOT_AGAIN else each for each in sources.inquiries)
    )


def _kept_only(inquiry: AnyInquiry) -> AnyInquiry:
    nothing = Consulted({}, dict.fromkeys(inquiry.answers, NOT_AGAIN[inquiry.name]), asked=False)
    peek = inquiry.peek

    async def ask(key: object, by: float) -> Consulted:
        found = await peek(key) if peek is not None else None
        return found or nothing

    return replace(inquiry, ask=ask)
