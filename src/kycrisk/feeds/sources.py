"""Lists that need no network: shipped with kycrisk, inside an installed package, in a file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kycrisk.feeds.failure import FeedFailure
from kycrisk.shipped import shipped

#: Python packages that carry a list: module → (distribution, attribute that holds the entries).
PACKAGES = {"disposable_email_domains": ("disposable-email-domains", "blocklist")}

#: Shipped lists are small and written by hand.
MAX_SHIPPED = 16 * 1024 * 1024

# Build tools that want reproducible archives date every file 1970 or 1980; such a date says nothing.
_NO_DATE_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The bytes of a local list. `modified_at` is None where no date can be told."""

    body: bytes
    modified_at: datetime | None


def is_remote(url: str) -> bool:
    """Does it take the network to read this source?"""
    return url.startswith(("http://", "https://"))


def is_built_in(url: str) -> bool:
    """Is the list there as soon as kycrisk is installed, without an update?"""
    return url.startswith(("package:", "shipped:"))


def url_problem(url: str) -> str:
    """What is wrong with a source's URL, or nothing. Plain text is a path."""
    scheme, colon, rest = url.partition(":")
    if url.startswith("file:"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            return f"`{url}` does not name a file on this machine, as in `file:///srv/lists/tor.txt`"
    elif is_remote(url):
        if not urlsplit(url).hostname:
            return f"`{url}` names no host"
    elif scheme == "package" and colon:
        if rest not in PACKAGES:
            return f"`{rest}` is not a package that carries a list; known: {', '.join(sorted(PACKAGES))}"
    elif scheme == "shipped" and colon:
        if not rest or rest.startswith("/") or ".." in rest.split("/"):
            return f"`{rest}` is not a path inside the shipped data, as in `shipped:lists/mail_provider.txt`"
    elif "://" in url:
        return f"`{scheme}` is not a way to fetch lists; use https, http, file, a path, `package:` or `shipped:`"
    return "" if url.strip() else "it is empty"


def version_of(url: str) -> str:
    """What names the present version of a built-in source, told without compiling it; "" when nothing does.

    Raises `FeedFailure`.
    """
    if not url.startswith("package:"):
        return hashlib.sha256(read_local(url, max_bytes=MAX_SHIPPED).body).hexdigest()
    module = url.removeprefix("package:")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise FeedFailure(f"the package `{PACKAGES[module][0]}` is not installed")
    try:
        status = Path(spec.origin).stat()
    except OSError:
        return ""  # inside an archive
    return f"{status.st_size}-{status.st_mtime_ns}"  # an upgrade changes the file; its number would take 10 ms


def read_local(url: str, *, max_bytes: int) -> Local:
    """The bytes of a local source. Raises `FeedFailure` when there are none, or too many."""
    if url.startswith("package:"):
        return _package(url.removeprefix("package:"))
    if url.startswith("shipped:"):
        return _file(shipped("data/" + url.removeprefix("shipped:")), max_bytes)
    if url.startswith("file:"):
        return _file(Path(unquote(urlsplit(url).path)), max_bytes)
    return _file(Path(url).expanduser(), max_bytes)


def _package(module: str) -> Local:
    distribution, attribute = PACKAGES[module]
    try:
        package = importlib.import_module(module)
    except ImportError:
        raise FeedFailure(f"the package `{distribution}` is not installed") from None
    entries = getattr(package, attribute, None)
    if not isinstance(entries, (set, frozenset)) or not all(isinstance(entry, str) for entry in entries):
        raise FeedFailure(f"the package `{distribution}` has no set of names `{attribute}`")
    # A wheel carries no date, so the list is at most as old as its installation.
    try:
        modified_at = _modified_at(Path(package.__file__ or "").stat().st_mtime)
    except OSError:
        modified_at = None  # inside an archive
    return Local(body="\n".join(sorted(entries)).encode(), modified_at=modified_at)


def _file(path: Path, max_bytes: int) -> Local:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # asked first, as opening a pipe would wait for its other end
            raise FeedFailure(f"`{path}` is not a file")
        with path.open("rb") as file:
            body = file.read(max_bytes + 1)
    except OSError as error:
        raise FeedFailure(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(body) > max_bytes:
        raise FeedFailure(f"`{path}` is larger than {max_bytes} bytes")
    return Local(body=body, modified_at=_modified_at(status.st_mtime))


def _modified_at(seconds: float) -> datetime | None:
    modified_at = datetime.fromtimestamp(seconds, UTC)
    return modified_at if modified_at >= _NO_DATE_BEFORE else None
