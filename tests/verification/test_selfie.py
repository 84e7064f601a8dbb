"""Selfies: poses that nobody knows before, three pictures, enough light."""

import hashlib
from collections import Counter

import pytest
from PIL import Image

from kycrisk.verification.documents.kinds import DocumentKind, sides_of
from kycrisk.verification.documents.picture import accept_picture
from kycrisk.verification.documents.selfie import Frame, Pose, SelfieRefused, judge_selfie, pose_text, poses
from tests.verification.pictures import blurred, dimmed, document, jpeg, on_a_table


def stream(seed):
    """Bytes that are the same for the same seed."""
    state = {"count": 0}

    def draw(count):
        state["count"] += 1
        return hashlib.sha256(f"{seed} {state['count']}".encode()).digest()[:count]

    return draw


@pytest.mark.row("Q11")
def test_poses_are_drawn_and_the_centre_is_always_among_them():
    drawn = [poses(random=stream(seed)) for seed in range(300)]
    assert {len(each) for each in drawn} == {3}
    assert all(Pose.CENTRE in each and len({*each}) == 3 for each in drawn)
    assert len({*drawn}) > 30  # of 36
    assert Counter(each.index(Pose.CENTRE) for each in drawn).keys() == {0, 1, 2}
    assert poses(random=stream(1)) == poses(random=stream(1))
    with pytest.raises(ValueError, match="from 1 to 5 poses"):
        poses(6)


@pytest.mark.parametrize("pose", Pose)
def test_every_pose_has_words_in_both_languages(pose):
    assert pose_text(pose)
    assert pose_text(pose, "de") != pose_text(pose)


PORTRAIT = on_a_table(document("card_front", 900), size=(800, 600))


def face(make=lambda image: image):
    return accept_picture(jpeg(make(PORTRAIT)))


WANTED = (Pose.LEFT, Pose.CENTRE, Pose.UP)
JUDGED = {
    "good": (face(), []),
    "a little soft, as webcams are": (face(lambda image: blurred(image, 2)), []),
    "in the dark": (face(lambda image: dimmed(image, 0.2)), ["IMAGE_DARK"]),
    "out of focus": (face(lambda image: blurred(image, 12)), ["IMAGE_BLURRED"]),
    "nothing on it": (face(lambda image: Image.new("RGB", (640, 480), (200, 191, 200))), ["UNREADABLE"]),
}


@pytest.mark.row("Q11")
@pytest.mark.parametrize(("picture", "reasons"), JUDGED.values(), ids=JUDGED)
def test_a_picture_that_can_be_compared(picture, reasons):
    assert [str(reason) for reason in judge_selfie(WANTED, Frame("left", picture), [])] == reasons


@pytest.mark.row("Q11")
@pytest.mark.parametrize(
    ("pose", "others", "words"),
    [
        ("right", [], "this pose is not asked for any more"),
        ("elbow", [], "this pose is not asked for any more"),
        ("left", [b"another", face().content], "was sent for another pose already"),
    ],
    ids=["a pose of another attempt", "no pose", "one picture for two poses"],
)
def test_a_picture_that_makes_no_series(pose, others, words):
    with pytest.raises(SelfieRefused, match=words) as refused:
        judge_selfie(WANTED, Frame(pose, face()), others)
    assert str(refused.value.reason) == "FACE_FAILED"


@pytest.mark.row("Q9")
@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        (DocumentKind.ID_CARD, ["front", "back"]),
        (DocumentKind.PASSPORT, ["front"]),
        (DocumentKind.DRIVING_LICENCE, ["front", "back"]),
        (DocumentKind.RESIDENCE_PERMIT, ["front", "back"]),
        (DocumentKind.UTILITY_BILL, ["front"]),
    ],
)
def test_sides_that_must_be_shown(kind, sides):
    assert [side.value for side in sides_of(kind)] == sides
