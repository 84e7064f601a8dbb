"""Everything about verification at a site, put together: cases, sessions with providers, codes, pictures, errands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from kycrisk.service.reload import stamp
from kycrisk.settings import Settings
from kycrisk.store.case_records import LET_GO, held_at_panel
from kycrisk.store.failure import Conflict
from kycrisk.store.personal_data import Proven
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from kycrisk.verification.account import number_of
from kycrisk.verification.action import forget_actions
from kycrisk.verification.attempt import attempt_by
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.cases import Cases
from kycrisk.verification.codes import forget_codes
from kycrisk.verification.connections import Connections
from kycrisk.verification.errand import Errands
from kycrisk.verification.master_keys import make_master_key
from kycrisk.verification.outside import OutsideFailure
from kycrisk.verification.policies import policy_files
from kycrisk.verification.proof import Proofs
from kycrisk.verification.providers.manual import NAME as PEOPLE
from kycrisk.verification.providers.manual import ManualReview, Said
from kycrisk.verification.providers.provider import ProviderError
from kycrisk.verification.reasons import read_reason, reason_text
from kycrisk.verification.review import said_by_reference
from kycrisk.verification.session import Sessions
from kycrisk.verification.site import policies_of, site_of
from kycrisk.verification.state import State
from kycrisk.verification.tokens import forget_tokens
from kycrisk.verification.upload import Uploads
from kycrisk.verification.vault import Vault, destroy
from kycrisk.verification.vault_folder import VaultFolder
from kycrisk.verification.way_in import WayIn

#: Where customers fill in their cases: the pages of this service.
HOME = "/verify"
KEEP_ACTIONS, KEEP_SECRETS = timedelta(days=30), timedelta(days=7)


class Bureau:
    """The verification of a site. Belongs to one event loop; close it with `aclose`. Raises `Problems`.

    Where no procedure is chosen cases can be read and nothing else: `vault` is None then.
    """

    def __init__(self, settings: Settings, store: Store, key: SiteKey, clock: Callable[[], datetime]) -> None:
        chosen = settings.verification
        self._settings, self._marks = settings, procedure_marks(settings)
        self.site = site_of(settings, store, key, clock)
        self.cases = Cases(self.site)
        self._connections = Connections(chosen, clock)
        self._store = store
        self.link = WayIn(self.site, chosen.public_url)
        self.outside = self._connections.outside(self.link, self._purge)
        people = ManualReview(page_url=f"{chosen.public_url}{HOME}", words=self._words, erase=self._erase_pictures)
        providers = {**self._connections.providers(), people.name: people}
        self.sessions = Sessions(site=self.site, providers=providers, public_url=chosen.public_url)
        self.proofs = Proofs(site=self.site, outside=self.outside)
        self.errands = Errands(site=self.site, outside=self.outside, reason_text=words_of)
        self.vault = _vault(settings, store) if chosen.policy else None
        self.uploads = None if self.vault is None else Uploads(self.site, self.vault)

    def read_again(self) -> Callable[[], None]:
        """Read the procedures anew where their files have changed; what puts them into force, all in one step. Raises
        `Problems`: then those that are in force stay."""
        marks = procedure_marks(self._settings)
        if marks == self._marks:
            return lambda: None
        newer = policies_of(self._settings)

        def put() -> None:
            self._marks = marks
            self.site.policies.put(newer)

        return put

    async def start(self, case_id: str, *, text_version: str = "", address: str = "") -> Case:
        """The customer consents and starts, or starts again after something was sent back; and with people on our side
        as the provider, their attempt begins. Raises what `Cases.start` raises."""
        started = await self.cases.start(case_id, text_version=text_version, address=address)
        await self.sessions.started(started)
        return started

    async def erase(self, account_id: str, by: str, why: str, *, leave: bool = False) -> Proven:
        """Erase what is personal about an account, once others have let it go. Raises `NotFound` and `Conflict`."""
        left = await self._let_go(account_id, by, leave=leave) if self.site.chosen else ()
        return await self._store.personal_data.erase(account_id, by, why, left=left, leave=leave)

    async def _let_go(self, account_id: str, actor: str, *, leave: bool) -> tuple[str, ...]:
        """Close all cases of an account, have the panel let go what they hold back, and providers delete what they
        hold: before it is erased, as nobody could name it to them afterwards. What is left there all the same, because
        it is to be left, or its provider is not set up any more. Raises `Conflict` when somebody does not do it now.
        """
        number = await self._store.read(number_of, self.site.key, account_id)
        if number is None:
            return ()
        cases = await self.cases.of_account(account_id)
        for case in cases:
            if case.state is not State.CLOSED:
                await self.cases.close(case.id, actor=actor)
        while await self.errands.run(account=number):
            pass
        left = [f"panel {kind}" for kind in await self._store.read(held_at_panel, number)]
        if left and not leave:
            message = "the panel still holds something back, and does not let it go now"
            raise Conflict(message, LET_GO)
        for case in cases:
            try:
                left += await self._forget(case.id)
            except OutsideFailure as failure:
                if not leave:
                    raise Conflict(f"a provider does not delete what it holds now: {failure}", LET_GO) from None
                left.append(f"provider of {case.id}")
        return tuple(left)

    async def tidy(self) -> None:
        """Delete what is of no use any more: work that ended long ago, codes and tokens that are over."""
        now = self.site.clock()
        await self._store.write(lambda tx: forget_actions(tx, now - KEEP_ACTIONS))
        await self._store.write(lambda tx: forget_codes(tx, now - KEEP_SECRETS))
        await self._store.write(lambda tx: forget_tokens(tx, now - KEEP_SECRETS))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    async def _words(self, reference: str) -> Said:
        return await self._store.read(said_by_reference, self.site, reference)

    async def _erase_pictures(self, reference: str) -> None:
        attempt = await self._store.read(attempt_by, PEOPLE, reference)
        if attempt is not None:
            await self._store.write(lambda tx: destroy(tx, attempt.case, by="verification"))

    async def _purge(self, case_id: str) -> None:
        """From now on nobody can open the pictures of a case; the files go with the vault's next sweep. What providers
        hold of a closed case is deleted there. Raises `OutsideFailure`."""
        await self._store.write(lambda tx: destroy(tx, case_id, by="verification"))
        case = await self._store.read(find_case, case_id)
        if case.state is State.CLOSED:
            await self._forget(case_id)

    async def _forget(self, case_id: str) -> tuple[str, ...]:
        try:
            return await self.sessions.forget(case_id)
        except ProviderError as error:
            raise OutsideFailure(f"provider: {error.detail}") from None


def procedure_marks(settings: Settings) -> tuple[object, ...]:
    """What tells that a file of a procedure has changed."""
    if not settings.verification.policy:
        return ()
    return tuple(map(stamp, policy_files(settings.rules)))


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
