"""E-mail addresses in their normal forms; a broken address is kept and says why it is broken."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from kycrisk.normal.mailbox import Reading, mailbox, mailbox_at, reading
from kycrisk.normal.public_suffix import domain_in_unicode, registrable_domain
from kycrisk.signup import EmailAddress, new_email

#: RFC 5321 section 4.5.3.1.3 less the angle brackets (RFC 3696 erratum 1690).
MAX_ADDRESS = 254

# A dot-atom (RFC 5322 section 3.2.3). Like email-validator it does not hold the local part to 64 octets: RFC 5321
# section 4.5.3.1 calls that limit one that receivers should exceed where they can.
_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
_PLAIN_LOCAL = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")

# Host names of at least two labels (RFC 1123 section 2.1), the last one ending in a letter. A label with hyphens in
# the third and fourth place is an A-label or reserved (RFC 5890 section 2.3.1): not plain.
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_PLAIN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!..--)[a-z0-9](?:[a-z0-9\-]{{0,61}}[a-z])?(?<=[a-z])")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?)*")
_MAX_DOMAIN = 253
_BELOW_SPECIAL = tuple(f".{special}" for special in SPECIAL_USE_DOMAIN_NAMES)


def normal_email(raw: str) -> EmailAddress:
    """The address in its normal forms. It never raises: a broken address has `valid` false and a `defect` in words.

    Valid is what email-validator calls valid (internationalized addresses too; no quoted local parts, address
    literals, display names). Plain ASCII addresses are judged by the patterns above, which agree with it and cost a
    thirtieth; anything else is left to it.
    """
    text = raw.strip()
    local, at, domain = text.partition("@")
    folded = domain.lower()
    if at and len(text) <= MAX_ADDRESS and _PLAIN_LOCAL.fullmatch(local):
        plain = _plain_domain(folded)
        if plain is not None:
            canonical, tag = mailbox_at(local, plain[0])
            address = f"{local}@{folded}"
            return new_email(text, True, "", address, local, folded, folded, canonical, tag, plain[1])
    return _unusual(text)


@lru_cache(maxsize=16_384)  # most signups share a few mail domains
def _plain_domain(domain: str) -> tuple[Reading, str] | None:
    """How addresses at a domain are read, and its registrable part; None when it needs a closer look."""
    return (reading(domain), registrable_domain(domain)) if _is_plain(domain) else None


def _is_plain(domain: str) -> bool:
    """Whether a lower-case domain is valid without a closer look."""
    return (
        len(domain) <= _MAX_DOMAIN
        and _PLAIN_DOMAIN.fullmatch(domain) is not None
        and not domain.endswith(_BELOW_SPECIAL)
        and domain not in SPECIAL_USE_DOMAIN_NAMES
    )


def _unusual(text: str) -> EmailAddress:
    """What email-validator makes of an address that is not plain."""
    local, at, domain = text.rpartition("@")
    try:
        validated = validate_email(text, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        name = unicodedata.normalize("NFC", local.rpartition("<")[2].strip())  # `Jane <jane@example.com>`
        return _kept(text, name, _host(domain) if at else "", _in_words(error))
    return _kept(text, unicodedata.normalize("NFC", local), validated.ascii_domain)


def _kept(text: str, local: str, domain: str, defect: str = "") -> EmailAddress:
    """An address of which both parts can be told, or less: a broken one may lack either or both."""
    canonical, tag = mailbox(local, domain) if local and domain else ("", "")
    return EmailAddress(
        raw=text,
        valid=not defect,
        defect=defect,
        address=f"{local}@{domain}" if local and domain else "",
        local=local,
        domain=domain,
        domain_unicode=domain_in_unicode(domain),
        canonical=canonical,
        tag=tag,
        registrable=registrable_domain(domain),
    )


def _host(domain: str) -> str:
    """The domain of a broken address in lower-case A-labels; empty when there is none to read.

    A list check should not be dodged by a stray bracket or period, so those are left out.
    """
    text = domain.strip(" \t.,;<>").lower()
    if len(text) > _MAX_DOMAIN:  # idna takes quadratic time on long labels
        return ""
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    return text if _HOST.fullmatch(text) else ""


def _in_words(error: EmailNotValidError) -> str:
    """`There must be something after the @-sign.` → `there must be something after the @-sign`."""
    words = str(error).removesuffix(".")
    return words[:1].lower() + words[1:]
