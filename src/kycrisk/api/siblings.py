"""Measures of several processes behind one socket: whichever is asked answers for all, each under its own label."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

#: What is the same in all of them, since it tells of the store or of files: one answers for all.
COMMON = ("kycrisk_list_", "kycrisk_deliveries_")
_PATIENCE = 1.0  # seconds for a sibling to answer

Families = Mapping[str, list[str]]  # the lines of a family, its HELP and TYPE first


class Siblings:
    """One process among others. Belongs to an event loop; close it with `aclose`."""

    def __init__(self, number: int, folder: Path, text: Callable[[], bytes]) -> None:
        """`text` gives this process's own measures; `folder` is where all of them listen."""
        self._number, self._folder, self._text = number, folder, text
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Answer the siblings from now on."""
        mine = self._folder / f"{self._number}.sock"
        mine.unlink(missing_ok=True)  # of the process in whose place this one came
        self._server = await asyncio.start_unix_server(self._answer, mine)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def text(self) -> bytes:
        """The measures of all that answer."""
        own = await asyncio.to_thread(self._text)
        others = {
            path: int(path.stem) for path in sorted(self._folder.glob("*.sock")) if int(path.stem) != self._number
        }
        told = await asyncio.gather(*(_asked(path) for path in others))
        return together(
            {self._number: own} | {number: text for number, text in zip(others.values(), told, strict=True) if text}
        )

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(await asyncio.to_thread(self._text))
            await writer.drain()
            writer.close()
            await writer.wait_closed()


async def _asked(path: Path) -> bytes:
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""  # it has just ended, or hangs: the others tell without it


def together(texts: Mapping[int, bytes]) -> bytes:
    """Prometheus' text form of several processes as one, the asked one first. What differs is labelled by `process`."""
    families: dict[str, list[str]] = {}
    for place, (number, text) in enumerate(texts.items()):
        for name, lines in _families(text.decode().splitlines()).items():
            samples = [line for line in lines if not line.startswith("#")]
            head = [line for line in lines if line.startswith("#")]
            if name.startswith(COMMON):
                if place == 0:
                    families[name] = lines
                continue
            families.setdefault(name, head).extend(_labelled(line, number) for line in samples)
    return "".join(f"{line}\n" for lines in families.values() for line in lines).encode()


def _families(lines: Iterable[str]) -> Families:
    found: dict[str, list[str]] = {}
    lines_of: list[str] = []
    for line in lines:
        if line.startswith("# HELP "):
            lines_of = found[line.split(" ", 3)[2]] = []
        lines_of.append(line)
    return found


def _labelled(sample: str, number: int) -> str:
    brace, blank = sample.find("{"), sample.find(" ")
    if 0 <= brace < blank:
        return f'{sample[: brace + 1]}process="{number}",{sample[brace + 1 :]}'
    return f'{sample[:blank]}{{process="{number}"}}{sample[blank:]}'
