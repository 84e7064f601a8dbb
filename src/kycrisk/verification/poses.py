"""Poses of a selfie: which way to look, in an order that a case keeps and nobody can know before.

A person compares the pictures. Poses make it harder to hold up a photograph; they are no proof that somebody is there.
"""

from __future__ import annotations

from kycrisk.store.sealing import SiteKey
from kycrisk.verification.case import Case
from kycrisk.verification.languages import marked

#: What the customer is asked to do, by the name that the picture is kept under.
POSES = {
    "straight": marked("Look straight into the camera."),
    "left": marked("Turn your head to the left."),
    "right": marked("Turn your head to the right."),
    "up": marked("Look up a little."),
    "down": marked("Look down a little."),
}


def poses_of(case: Case, site: SiteKey, count: int) -> tuple[str, ...]:
    """Names of `POSES`: straight first, then others in an order of this case and attempt."""
    rest = [name for name in POSES if name != "straight"]
    lots = {name: site.pseudonym("pose", f"{case.id} {case.attempts} {name}") for name in rest}
    return ("straight", *sorted(rest, key=lots.__getitem__))[:count]
