"""The kinds of personal data that a question can carry to somebody else."""

from __future__ import annotations

from enum import StrEnum


class Personal(StrEnum):
    """Kinds of personal data, as policies name what may leave the house and lookups what they send.

    A hash is a kind of its own: who has the same address can tell that it was asked about, nobody can read it.
    """

    IP = "ip"
    EMAIL = "email"
    EMAIL_HASH = "email_hash"
    EMAIL_DOMAIN = "email_domain"
    PHONE = "phone"
    PHONE_HASH = "phone_hash"
    NAME = "name"
    NAME_HASH = "name_hash"
    ADDRESS = "address"
    ADDRESS_HASH = "address_hash"
    IP_HASH = "ip_hash"
    ACCOUNT = "account"
    USER_AGENT = "user_agent"
