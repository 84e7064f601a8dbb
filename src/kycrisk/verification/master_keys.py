"""Master keys of the vault: they wrap the keys of pictures, and lie in a file that the database never sees.

To change the key, a new one is added to the file, all keys are wrapped anew, and the older line is taken out. Keys are
known by a name that is drawn from them and tells nothing about them.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from kycrisk.problems import Problem, Problems
from kycrisk.store.failure import WrongSiteKey
from kycrisk.store.sealing import KEY_BYTES, seal, unseal


class MasterKeys:
    """One key or more; the last one wraps, all of them unwrap. They show themselves nowhere."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"master keys have {KEY_BYTES} bytes, and there is at least one")
        self._keys: Mapping[str, bytes] = {_name(key): key for key in keys}
        self.current = _name(keys[-1])

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self._keys)})"

    def wrap(self, key: bytes, context: str) -> bytes:
        """A key, wrapped by the current master key."""
        return seal(self._keys[self.current], key, context)

    def unwrap(self, master: str, wrapped: bytes, context: str) -> bytes:
        """The key. Raises `WrongSiteKey` when the master key is not there, or the context is another."""
        found = self._keys.get(master)
        if found is None:
            raise WrongSiteKey(f"there is no master key `{master}`", "put its line back into the file of master keys")
        return unseal(found, wrapped, context)


def read_master_keys(path: Path) -> MasterKeys:
    """The keys of a file, one a line as 64 hexadecimal digits. Raises `Problems`, with every line that is none."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problems([Problem(str(path), f"the master keys cannot be read: {reason}")]) from None
    except UnicodeDecodeError:
        lines = ["?"]
    keys, problems = [], []
    for number, line in enumerate(lines, 1):
        key = _key(line)
        if key is None:
            message = "not a master key, which is 64 hexadecimal digits"
            problems.append(Problem(f"{path}:{number}", message, "restore it: what it sealed opens with no other"))
        else:
            keys.append(key)
    if not lines:
        problems.append(Problem(str(path), "there is no master key", "restore the file, or delete it for a new one"))
    if problems:
        raise Problems(problems)
    return MasterKeys(keys)


def make_master_key(path: Path) -> MasterKeys:
    """A new file with one key, that only its owner can read. An existing file is read instead, never overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write(path, [], replace=False)
    return read_master_keys(path)


def add_master_key(path: Path) -> MasterKeys:
    """A further key at the end of the file, which is whole at every moment: it wraps from now on. Raises `Problems`."""
    read_master_keys(path)
    _write(path, path.read_text("ascii").split(), replace=True)
    return read_master_keys(path)


def _write(path: Path, lines: list[str], *, replace: bool) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write("".join(f"{line}\n" for line in [*lines, secrets.token_hex(KEY_BYTES)]))
        stream.flush()
        os.fsync(stream.fileno())
    if replace:
        beside.replace(path)
    else:
        try:
            os.link(beside, path)  # whole or not at all, and never in place of another process's
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _key(line: str) -> bytes | None:
    try:
        key = bytes.fromhex(line)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _name(key: bytes) -> str:
    return hmac.digest(key, b"kycrisk vault master key", "sha256")[:8].hex()
