"""The one way a list can fail: it could not be had, or what came is not the list."""

from __future__ import annotations


class FeedFailure(Exception):
    """Why a list could not be taken, in words for people: lower case, no final period."""
