"""Bytes to lines, one by one: bounded, decoded, and pushed back when the first one told what follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from kycrisk.problems import Problem, Problems

#: No signup is longer. A file without line ends would otherwise be read into memory as one line.
MAX_LINE = 1_000_000

# What is not text in UTF-8, by its first bytes, and what to do about it.
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "is packed with gzip", "unpack it first: `gunzip -c FILE | kycrisk screen -`"),
    (b"PK\x03\x04", "is a zip file or a spreadsheet", "save the table as CSV in UTF-8"),
    (b"PAR1", "is Parquet", "name a file that ends in `.parquet`, or say `--input-format parquet`"),
    (b"\xff\xfe", "is written in UTF-16", "save it in UTF-8"),
    (b"\xfe\xff", "is written in UTF-16", "save it in UTF-8"),
    (b"SQLite format 3\x00", "is a SQLite database", "export the table as CSV"),
)


def unreadable(name: str, message: str, help_: str = "") -> Problems:
    """One problem with a whole input."""
    return Problems([Problem(name, message, help_)])


class Lines:
    """The lines of a binary stream, with their ends. Raises `Problems` for a line that is too long."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self.name = stream, name
        self._ahead: list[bytes] = []
        self.count = 0
        for start, is_, help_ in _FOREIGN:
            if self.peek().startswith(start):
                raise unreadable(name, is_, help_)

    def peek(self, index: int = 0) -> bytes:
        """A line that is still to come; empty behind the end."""
        while len(self._ahead) <= index:
            self._ahead.append(self._stream.readline(MAX_LINE))
        return self._ahead[index]

    def __iter__(self) -> Iterator[bytes]:
        readline = self._stream.readline
        while line := self._ahead.pop(0) if self._ahead else readline(MAX_LINE):
            self.count += 1
            if len(line) == MAX_LINE and not line.endswith(b"\n"):
                raise unreadable(f"{self.name}:{self.count}", f"the line has more than {MAX_LINE} bytes")
            yield line

    def rest(self, most: int) -> bytes:
        """Everything that is still to come. Raises `Problems` for more than `most` bytes."""
        body = b"".join(self._ahead) + self._stream.read(most + 1)
        self._ahead.clear()
        if len(body) > most:
            raise unreadable(
                self.name, f"has more than {most} bytes in one document", "write one signup a line (`.jsonl`)"
            )
        return body
