"""Everything about verification at a site, put together: cases, sessions with providers, codes, pictures, errands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kycrisk.settings import Settings
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from kycrisk.verification.cases import Cases
from kycrisk.verification.connections import Connections
from kycrisk.verification.errand import Errands
from kycrisk.verification.master_keys import make_master_key
from kycrisk.verification.proof import Proofs
from kycrisk.verification.reasons import read_reason, reason_text
from kycrisk.verification.session import Sessions
from kycrisk.verification.site import site_of
from kycrisk.verification.upload import Uploads
from kycrisk.verification.vault import Vault, destroy
from kycrisk.verification.vault_folder import VaultFolder
from kycrisk.verification.way_in import WayIn


class Bureau:
    """The verification of a site. Belongs to one event loop; close it with `aclose`. Raises `Problems`.

    Where no procedure is chosen cases can be read and nothing else: `vault` is None then.
    """

    def __init__(self, settings: Settings, store: Store, key: SiteKey, clock: Callable[[], datetime]) -> None:
        chosen = settings.verification
        self.site = site_of(settings, store, key, clock)
        self.cases = Cases(self.site)
        self._connections = Connections(chosen, clock)
        self._store = store
        self.link = WayIn(self.site, chosen.public_url)
        self.outside = self._connections.outside(self.link, self._purge)
        self.sessions = Sessions(site=self.site, providers=self._connections.providers(), public_url=chosen.public_url)
        self.proofs = Proofs(site=self.site, outside=self.outside)
        self.errands = Errands(site=self.site, outside=self.outside, reason_text=words_of)
        self.vault = _vault(settings, store) if chosen.policy else None
        self.uploads = None if self.vault is None else Uploads(self.site, self.vault)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    async def _purge(self, case_id: str) -> None:
        """From now on nobody can open the pictures of a case; the files go with the vault's next sweep."""
        await self._store.write(lambda tx: destroy(tx, case_id, by="verification"))


def words_of(code: str) -> str:
    """A reason's code in the customer's words; a code of nobody's as it is."""
    try:
        return reason_text(read_reason(code))
    except ValueError:
        return code


def _vault(settings: Settings, store: Store) -> Vault:
    named = settings.verification.master_key
    path = settings.folder / Path(named).expanduser() if named else settings.state / "master.key"
    return Vault(store, VaultFolder(settings.state / "vault"), make_master_key(path))
