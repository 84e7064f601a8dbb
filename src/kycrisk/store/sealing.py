"""Personal data at rest: pseudonyms under the site's key, and texts sealed under a key of each account.

An account's key is drawn from the site key and a random salt that lies in the database. Erasing the salt makes
everything that was sealed under it unreadable, in every copy of the table that is made from then on, without changing
a row of what is append-only.
"""

from __future__ import annotations

import hmac
import os
import secrets
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kycrisk.problems import Problem, Problems
from kycrisk.randomness import random_bytes
from kycrisk.store.failure import WrongSiteKey

KEY_BYTES = 32
PSEUDONYM_BYTES = 16
_MOST_KINDS = 1000
_NONCE_BYTES = 12  # NIST SP 800-38D; one key seals a few texts, far from the 2^32 random nonces allow


class SiteKey:
    """The secret of a site. It shows itself nowhere; who has the database alone can read and link nothing."""

    __slots__ = ("_account", "_audit", "_kinds", "_proof", "_pseudonym", "_site")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a site key has {KEY_BYTES} bytes, this one has {len(secret)}")
        self._pseudonym, self._account, self._audit, self._proof, self._site = (
            hmac.digest(secret, f"kycrisk {purpose}".encode(), "sha256")
            for purpose in ("pseudonym", "account", "audit", "proof", "site")
        )
        self._kinds: dict[str, blake2b] = {}  # each with its key and its name taken in already

    def __repr__(self) -> str:
        return "SiteKey([redacted])"

    def pseudonym(self, kind: str, text: str) -> bytes:
        """16 bytes that stand for a text of a kind (`account`, a signal): the same for the same, and no way back.

        Keyed BLAKE2b (RFC 7693), which is a message authentication code by itself and takes a third of HMAC's time.
        """
        begun = self._kinds.get(kind)
        if begun is None:
            begun = blake2b(f"{kind}\0".encode(), key=self._pseudonym, digest_size=PSEUDONYM_BYTES)
            if len(self._kinds) < _MOST_KINDS:
                self._kinds[kind] = begun
        made = begun.copy()
        made.update(text.encode())
        return made.digest()

    def account_key(self, salt: bytes) -> bytes:
        """The key that an account's texts are sealed under."""
        return hmac.digest(self._account, salt, "sha256")

    @property
    def own_key(self) -> bytes:
        """The key for what belongs to no account, such as kept answers of lookups."""
        return self._site

    def audit_hash(self, previous: bytes, entry: bytes) -> bytes:
        """The hash of an audit row; without the site key nobody can write a chain that verifies."""
        return hmac.digest(self._audit, previous + entry, "sha256")

    def proof(self, text: bytes) -> str:
        """A seal under an export or an erasure, in hexadecimal."""
        return hmac.digest(self._proof, text, "sha256").hex()

    def proves(self, text: bytes, proof: str) -> bool:
        return hmac.compare_digest(self.proof(text), proof)


def new_salt() -> bytes:
    return random_bytes(KEY_BYTES)


def seal(key: bytes | AESGCM, text: bytes, context: str) -> bytes:
    """A text sealed (AES-256-GCM); it opens only with the same key and in the same context (`decision dec_1`).

    Whoever seals several texts under one key makes its cipher once.
    """
    nonce = random_bytes(_NONCE_BYTES)
    cipher = AESGCM(key) if isinstance(key, bytes) else key
    return nonce + cipher.encrypt(nonce, text, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The text. Raises `WrongSiteKey` when the key is another, or the text was changed."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise WrongSiteKey(f"`{context}` does not open: it was changed, or sealed under another site key") from None


def read_site_key(path: Path) -> SiteKey:
    """The key in a file, as 64 hexadecimal digits. Raises `Problems`."""
    try:
        text = path.read_text("ascii").strip()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problems([Problem(str(path), f"the site key cannot be read: {reason}")]) from None
    except UnicodeDecodeError:
        text = ""
    try:
        return SiteKey(bytes.fromhex(text))
    except ValueError:
        message = "not a site key, which is 64 hexadecimal digits"
        raise Problems([Problem(str(path), message, "restore it: what it sealed opens with no other")]) from None


def make_site_key(path: Path) -> SiteKey:
    """A new key in a file that only its owner can read. An existing file is read instead, never overwritten."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(beside, path)  # whole or not at all, and never in place of another process's
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problems([Problem(str(path), f"the site key cannot be written: {reason}")]) from None
    return read_site_key(path)
