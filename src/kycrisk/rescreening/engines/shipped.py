"""A pinned site as workers elsewhere have it: sent once to each, unpacked, opened, and kept for all of its slices."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from kycrisk.problems import Problems
from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.pinned import open_pinned, unpack_site


@dataclass(frozen=True, slots=True)
class Shipment:
    """A pinned site on its way: its digest, and all of it in one archive."""

    digest: str
    packed: bytes


_kernels: dict[str, tuple[Kernel, Path]] = {}  # of this process, by digest
_lock = Lock()


def unload(shipment: Shipment) -> Kernel:
    """The kernel of a shipment, opened when it comes for the first time. Raises `Problems`."""
    with _lock:
        found = _kernels.get(shipment.digest)
        if found is None:
            folder = Path(tempfile.mkdtemp(prefix="kycrisk-rescreen-"))
            unpack_site(shipment.packed, folder / "site")
            found = _kernels[shipment.digest] = (Kernel(open_pinned(folder / "site", shipment.digest)), folder)
        return found[0]


def unloaded(digest: str) -> Kernel | None:
    """The kernel of a shipment that has come before."""
    with _lock:
        found = _kernels.get(digest)
    return None if found is None else found[0]


def discard(digest: str) -> None:
    """Forget a shipment, and remove its files."""
    with _lock:
        found = _kernels.pop(digest, None)
    if found is not None:
        shutil.rmtree(found[1], ignore_errors=True)


def told(wrong: Problems) -> list[tuple[str, str, str]]:
    """Problems as they travel: place, message, help."""
    return [(str(each.place), each.message, each.help) for each in wrong.problems]
