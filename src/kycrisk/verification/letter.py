"""What customers and operators are told, in tickets and by mail. A procedure may have words of its own for it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kycrisk.verification.case import Case
from kycrisk.verification.policy import Policy

#: The words for a reason's code.
ReasonText = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Words:
    """A subject and paragraphs."""

    subject: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs) + "\n"

    @property
    def html(self) -> str:
        """The same as HTML: addresses become links, nothing else is more than text."""
        shown = "".join(f"<p>{_linked(each)}</p>\n" for each in self.paragraphs)
        title = html.escape(self.subject)
        head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        return f"{head}\n<body>\n{shown}</body></html>\n"


_SUBJECTS: Mapping[str, str] = {
    "opened": "Please verify your account",
    "submitted": "Your documents have arrived",
    "verified": "Your account is verified",
    "failed": "Your verification did not succeed",
    "rejected": "Your verification was rejected",
    "reminder": "Please remember to verify your account",
    "overdue": "The time for your verification is over",
    "disputed": "Your verification is looked at again",
}
_TEXTS: Mapping[str, str] = {
    "opened": "We ask you to verify your account.",
    "submitted": "We have received what you submitted, and will look at it.",
    "verified": "Your verification is complete. Thank you.",
    "failed": "Your verification did not succeed. You can try again at once.",
    "rejected": "Your verification was rejected. If you are sure to be right, you can ask that a person looks at it.",
    "reminder": "Your account is not verified yet.",
    "overdue": "The time for your verification is over. You can still complete it.",
    "disputed": "Another person will look at your verification.",
}
_OWN_TEXT = {"opened": "invitation"}
_WITH_LINK = ("opened", "failed", "reminder", "overdue", "rejected")


def words_for(topic: str, case: Case, policy: Policy, *, link: str, reason_text: ReasonText) -> Words:
    """What the customer is told about a topic (`opened`, `verified`, `failed` …)."""
    own = policy.texts.get(_OWN_TEXT.get(topic, topic), "")
    paragraphs = [own or _TEXTS[topic]]
    if topic in ("failed", "rejected") and case.reasons:
        paragraphs.append("\n".join(f"- {reason_text(each)}" for each in case.reasons))
    if topic in ("opened", "reminder") and case.deadline_at is not None:
        paragraphs.append(f"Please complete it by {case.deadline_at:%Y-%m-%d %H:%M} UTC.")
    if topic == "opened" and "expectation" in policy.texts:
        paragraphs.append(policy.texts["expectation"])
    if topic in _WITH_LINK and link:
        paragraphs.append(f"Open this link to go on: {link}")
    return Words(f"{policy.title}: {_SUBJECTS[topic]}", tuple(paragraphs))


def words_for_operators(topic: str, case: Case, message: str = "") -> Words:
    """What operators are told: a review that waits for too long, or a customer who asks for help."""
    if topic == "help":
        return Words(f"Verification {case.id}: a customer asks for help", (message, f"Case: {case.id}"))
    due = f"{case.review_by:%Y-%m-%d %H:%M} UTC" if case.review_by else "now"
    return Words(f"Verification {case.id} waits for a review", (f"It was to be decided by {due}.", f"Case: {case.id}"))


def _linked(paragraph: str) -> str:
    parts = []
    for word in paragraph.split(" "):
        shown = html.escape(word)
        parts.append(f'<a href="{shown}">{shown}</a>' if word.startswith(("https://", "http://")) else shown)
    return " ".join(parts).replace("\n", "<br>\n")
