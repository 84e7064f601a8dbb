"""Pictures that customers upload: accepted, judged, sealed, and then a side of a document or a pose of a selfie."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection

from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import find_case
from kycrisk.verification.documents.picture import AcceptedPicture, PictureRefused, accept_picture
from kycrisk.verification.documents.quality import TERMS, judge
from kycrisk.verification.documents.selfie import Frame, Pose, SelfieRefused, judge_selfie
from kycrisk.verification.filling import NewPaper, keep_paper
from kycrisk.verification.policy import StepKind
from kycrisk.verification.poses import poses_of
from kycrisk.verification.progress import SELFIE, progress_of
from kycrisk.verification.reasons import Reason
from kycrisk.verification.refusal import ConsentMissing, NotNow, NotPossible
from kycrisk.verification.site import Site
from kycrisk.verification.vault import Vault, keep

_log = logging.getLogger(__name__)

#: Unpacking a picture takes hundreds of megabytes: so many at a time.
_AT_ONCE = 2


class PictureUnusable(Exception):
    """A picture is not kept: it is none that is accepted (`words` says why), or it cannot be read (`reasons`)."""

    def __init__(self, reasons: tuple[Reason, ...], words: str = "") -> None:
        super().__init__(words or ", ".join(map(str, reasons)))
        self.reasons, self.words = reasons, words


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """An upload, as it came. `source` is `upload`, `camera` or `phone`."""

    category: str
    type: str
    side: str
    country: str
    source: str
    declared: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A case that takes a picture now. Of a selfie: the poses that are asked for, and the files of the other ones."""

    poses: tuple[Pose, ...] = ()
    others: tuple[str, ...] = ()


class Uploads:
    """The uploads of a site."""

    def __init__(self, site: Site, vault: Vault) -> None:
        self._site, self._vault, self._room = site, vault, asyncio.Semaphore(_AT_ONCE)

    async def take(self, case_id: str, new: NewPicture) -> str:
        """Keep a picture; the id of the document. Raises `PictureUnusable`, `Problems`, and what cases refuse."""
        ready = await self._site.store.read(lambda c: self._check(c, case_id, new))
        others = await self._vault.contents(case_id, ready.others)
        async with self._room:
            try:
                picture = await asyncio.to_thread(_accepted, new, ready, others)
            except PictureUnusable as unusable:
                _log.warning("a picture is not taken: %s", unusable, extra={"case": case_id})
                raise
        sealed = await self._vault.seal(case_id, picture.content, picture.media_type)

        def change(tx: Transaction) -> str:
            paper = NewPaper(
                category=new.category,
                type=new.type,
                side=new.side,
                country=new.country,
                source=new.source,
                file=sealed.id,
            )
            id_ = keep_paper(tx, self._site, case_id, paper)
            keep(tx, sealed)
            return id_

        return await self._site.store.write(change)

    def _check(self, connection: Connection, case_id: str, new: NewPicture) -> _Ready:
        """Nothing is unpacked for a case that takes no picture now."""
        case = find_case(connection, case_id)
        policy = self._site.policy_of(case)
        if policy.provider != "manual":
            raise NotPossible("the pictures of this procedure are taken by its provider")
        progress = progress_of(connection, case, policy)
        if not progress.consented:
            raise ConsentMissing("the customer has not agreed yet", "nothing is asked or kept before")
        if not case.state.takes_entries:
            raise NotNow(f"the case is `{case.state}`, and takes no pictures now")
        if new.category != SELFIE:
            progress.find(StepKind.DOCUMENT, new.category)
            return _Ready()
        step = progress.find(StepKind.SELFIE).step
        others = [each.file for each in progress.papers if each.category == SELFIE and each.side != new.side]
        return _Ready(poses_of(case, self._site.key, step.poses), tuple(others))


def _accepted(new: NewPicture, ready: _Ready, others: Collection[bytes]) -> AcceptedPicture:
    try:
        picture = accept_picture(new.raw, new.declared)
        if new.category == SELFIE:
            reasons = judge_selfie(ready.poses, Frame(new.side, picture), others)
        else:
            reasons = judge(picture, TERMS).reasons
    except (PictureRefused, SelfieRefused) as refused:
        raise PictureUnusable((refused.reason,), str(refused)) from None
    if reasons:
        raise PictureUnusable(reasons)
    return picture
