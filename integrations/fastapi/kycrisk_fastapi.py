"""kycrisk in FastAPI and Starlette: a dependency that screens a signup before the endpoint runs.

screened = Screened(client, signup_of)

@app.post("/signup")
async def sign_up(form: Form, screening: Annotated[Screening, Depends(screened)]): ...

In plain Starlette, call it: `screening = await screened(request)`. FastAPI hands a dependency the parameters that its
signature names, here the request (https://fastapi.tiangolo.com/advanced/advanced-dependencies/, read 2026-11-25); a
request keeps its body, so that reading it here does not take it away from the endpoint.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of `__call__`, and cannot look up texts.
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from kycrisk.client import AsyncClient, Outcome, Screening

Signup = Mapping[str, Any]


class Screened:
    """Screens the signup that `signup_of` finds in a request.

    `block_at` is the least outcome that is answered with `status` instead of running the endpoint: `Outcome.DENY`,
    `Outcome.VERIFY`, or None for none. Nothing is refused on `review`. The client says what happens when there is no
    decision (`on_failure`), and how long a request may wait (`timeout`).
    """

    def __init__(
        self,
        client: AsyncClient,
        signup_of: Callable[[Request], Signup | Awaitable[Signup]],
        *,
        block_at: Outcome | None = Outcome.DENY,
        status: int = 403,
        detail: str = "We cannot accept this online. Please contact us.",
    ) -> None:
        if block_at not in (None, Outcome.VERIFY, Outcome.DENY):
            raise ValueError("`block_at` is `Outcome.VERIFY`, `Outcome.DENY` or None")
        self._client, self._signup_of = client, signup_of
        self._block_at, self._status, self._detail = block_at, status, detail

    async def __call__(self, request: Request) -> Screening:
        """The screening. Raises `HTTPException` for a refused outcome; what `signup_of` raises goes through."""
        found = self._signup_of(request)
        signup: Signup = await found if inspect.isawaitable(found) else found
        screening = await self._client.screen({**visitor(request), **signup})
        if self._block_at is not None and screening.outcome >= self._block_at:
            raise HTTPException(self._status, self._detail)
        return screening


def visitor(request: Request) -> Signup:
    """`ip` and `user_agent` of a request. Behind a proxy, the server has to know it (`uvicorn --proxy-headers`)."""
    return {
        "ip": request.client.host if request.client else "",
        "user_agent": request.headers.get("user-agent", ""),
    }
