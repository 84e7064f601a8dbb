"""Selfies: poses in an order that nobody knows before, three pictures that differ, and enough light.

Who is on them is for a person to say, beside the document. Nothing is measured of a face, and no template is made: what
is checked here is that there are pictures to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kycrisk.randomness import random_bytes
from kycrisk.verification.documents.picture import AcceptedPicture
from kycrisk.verification.documents.quality import QualityTerms, judge
from kycrisk.verification.languages import DEFAULT, marked, translations
from kycrisk.verification.reasons import Code, Reason

FRAMES = 3


class Pose(StrEnum):
    """What the customer is asked to do, a picture each."""

    CENTRE = "centre"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    SMILE = "smile"


_TEXTS = {
    Pose.CENTRE: marked("Look straight into the camera."),
    Pose.LEFT: marked("Turn your head a little to your left."),
    Pose.RIGHT: marked("Turn your head a little to your right."),
    Pose.UP: marked("Raise your chin a little."),
    Pose.SMILE: marked("Smile."),
}
#: A face is larger than the print of a document and never as sharp; webcams have 640 by 480 pixels.
SELFIE_TERMS = QualityTerms(long_side=640, short_side=480, sharpness=0.070, detail=2.0, light=80, glare=1.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the series, for its pose, or what somebody says is one."""

    pose: str
    picture: AcceptedPicture


class SelfieRefused(ValueError):
    """A picture that makes no series with the others. Its words are for the customer."""

    reason = Reason(Code.FACE_FAILED)


def poses(count: int = FRAMES, random: Callable[[int], bytes] = random_bytes) -> tuple[Pose, ...]:
    """The poses to ask for: the centre among them, the rest drawn, in an order that is drawn too."""
    if not 1 <= count <= len(Pose):
        raise ValueError(f"from 1 to {len(Pose)} poses can be asked for, not {count}")
    others = _shuffled([pose for pose in Pose if pose is not Pose.CENTRE], random)
    return tuple(_shuffled([Pose.CENTRE, *others[: count - 1]], random))


def pose_text(pose: Pose, language: str = DEFAULT) -> str:
    """What the customer reads."""
    return translations(language).gettext(_TEXTS[pose])


def judge_selfie(wanted: Sequence[Pose], frame: Frame, others: Collection[bytes]) -> tuple[Reason, ...]:
    """What keeps a picture of a series from being compared by a person; nothing: they can look at it.

    `others` are the pictures of the other poses, as they are kept. Raises `SelfieRefused` for a pose that is not asked
    for, and for a picture that is there for another pose already.
    """
    if frame.pose not in wanted:
        raise SelfieRefused("this pose is not asked for any more: load the page anew")
    if frame.picture.content in others:
        raise SelfieRefused("this picture was sent for another pose already: take one for each")
    return judge(frame.picture, SELFIE_TERMS).reasons


def _shuffled(poses: list[Pose], random: Callable[[int], bytes]) -> list[Pose]:
    """Each order as likely as any other (Fisher and Yates), without a leaning to low numbers."""
    left = list(poses)
    drawn = []
    while left:
        drawn.append(left.pop(_below(len(left), random)))
    return drawn


def _below(limit: int, random: Callable[[int], bytes]) -> int:
    while True:
        [value] = random(1)
        if value < 256 - 256 % limit:
            return value % limit
