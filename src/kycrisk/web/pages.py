"""The pages, for the application to serve beside its API."""

from __future__ import annotations

from kycrisk.web import casework, entrance, hand_off, pictures, portal, reviewing, reviews, static_files, steps

PAGES = (
    static_files.routes,
    casework.routes,
    steps.routes,
    pictures.routes,
    hand_off.routes,
    portal.routes,
    reviewing.routes,
    reviews.routes,
    entrance.routes,
)
