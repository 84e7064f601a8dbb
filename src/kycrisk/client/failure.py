"""Why there is no decision, and what the caller wants instead."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Literal

from kycrisk.client.screening import Screening
from kycrisk.outcome import Outcome
from kycrisk.problems import Problem

LOG = logging.getLogger("kycrisk.client")


class Failure(StrEnum):
    """Kinds of failure. Words that stay, to be counted and compared."""

    TIMEOUT = "timeout"  # no answer within the time
    UNREACHABLE = "unreachable"  # no connection, or it broke
    REFUSED = "refused"  # the key or the address is wrong: somebody has to repair it
    BUSY = "busy"  # the server has too much to do, or cannot store a decision now
    BROKEN = "broken"  # the server failed, or its answer is no decision
    SIGNUP = "signup"  # the server cannot use this signup
    CONFLICT = "conflict"  # another signup came under this idempotency key


class ScreeningFailed(Exception):
    """There is no decision. `why` holds nothing of the signup and no secret; `problems` may quote the signup."""

    def __init__(
        self,
        failure: Failure,
        why: str,
        *,
        status: int | None = None,
        problems: tuple[Problem, ...] = (),
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(why)
        self.failure, self.why, self.status = failure, why, status
        self.problems, self.retry_after, self.request_id = problems, retry_after, request_id


#: What is answered when there is no decision: an outcome, an exception, or what a function makes of the failure.
OnFailure = Literal["allow", "review", "verify", "deny", "raise"] | Callable[[ScreeningFailed], Screening | Outcome]

_WORDS = ("allow", "review", "verify", "deny", "raise")
#: What whoever signs up can bring about alone. Such a failure never lets them through.
_OF_THE_SIGNUP = frozenset({Failure.SIGNUP, Failure.CONFLICT})


def checked(on_failure: OnFailure) -> OnFailure:
    """The fallback. Raises `ValueError` when it is none."""
    if callable(on_failure) or on_failure in _WORDS:
        return on_failure
    raise ValueError(f"on_failure is {', '.join(f'`{word}`' for word in _WORDS)} or a function, not `{on_failure}`")


def fallback(failed: ScreeningFailed, on_failure: OnFailure) -> Screening:
    """The screening instead of a decision. Raises the failure when the caller wants that.

    A signup that the server cannot use is not let through by the fallback `allow`: it is `review` then, as the customer
    chooses what the signup holds.
    """
    if on_failure == "raise":
        raise failed
    if callable(on_failure):
        chosen = on_failure(failed)
    else:
        least = Outcome.REVIEW if failed.failure in _OF_THE_SIGNUP else Outcome.ALLOW
        chosen = max(least, Outcome.from_word(on_failure))
    screening = (
        chosen if isinstance(chosen, Screening) else Screening(outcome=Outcome(chosen), failed=True, why=failed.why)
    )
    level = logging.ERROR if failed.failure is Failure.REFUSED else logging.WARNING
    LOG.log(level, "no decision (%s): %s; the outcome is %s", failed.failure, failed.why, screening.outcome)
    return screening
