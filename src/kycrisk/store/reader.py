"""Reading beside the writer: a few threads with connections that cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from kycrisk.store.database import READERS, Database
from kycrisk.store.failure import Reason, StoreUnavailable, border

Result = TypeVar("Result")
Given = ParamSpec("Given")


class Reader:
    """Answers questions from one snapshot of the database each, while the writer goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="kycrisk-store-reader")
        self._closed = False

    async def read(
        self, question: Callable[Concatenate[Connection, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """What a function of a connection answers. Raises `StoreUnavailable`, and whatever the function raises."""
        if self._closed:
            raise StoreUnavailable(Reason.CLOSED, "it was closed")

        def ask() -> Result:
            with border(), self._database.reading.connect() as connection, connection.begin():
                return question(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown()
