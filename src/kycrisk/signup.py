"""What is screened: a signup in its normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from kycrisk.quickly_made import maker_of, quickly_made
from kycrisk.signals import IP, Value


@quickly_made
@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An e-mail address in its normal forms; a broken one is kept as it was written, with `valid` false."""

    raw: str  # as the customer wrote it, trimmed
    valid: bool  # syntactically valid by RFC 5321/5322 and 6531, as email-validator judges without DNS
    defect: str = ""  # why not, in words
    address: str = ""  # normal form: local@domain, domain in lower-case A-labels; "" when broken beyond splitting
    local: str = ""  # local part as written (NFC)
    domain: str = ""  # lower-case A-labels (punycode); "" when there is none
    domain_unicode: str = ""  # the domain as people see it
    canonical: str = ""  # the mailbox behind tags, dots and alias domains: gmail dots, +tags, googlemail = gmail
    tag: str = ""  # the plus or minus tag that the canonical form drops
    registrable: str = ""  # registrable domain by the public suffix list; "" for a public suffix itself


@quickly_made
@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number; not given when `raw` is empty."""

    raw: str = ""
    given: bool = False
    valid: bool = False
    e164: str = ""  # "+41446681800"; "" when it cannot be read
    country: str = ""  # ISO 3166 alpha-2, "" when unknown or non-geographic
    kind: str = ""  # mobile fixed fixed_or_mobile voip toll_free premium shared personal pager uan voicemail ""


@quickly_made
@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; not given when every field is empty."""

    lines: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""  # ISO 3166 alpha-2, upper case

    @property
    def given(self) -> bool:
        return bool(self.lines or self.city or self.region or self.postal_code or self.country)


NO_PHONE = Phone()
NO_ADDRESS = Address()


@quickly_made
@dataclass(frozen=True, slots=True)
class Signup:
    """One signup in its normal form. `ip` is unwrapped: v4-mapped, 6to4 and NAT64 addresses are IPv4 here."""

    account_id: str
    email: EmailAddress
    ip: IP
    submitted_at: datetime
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: Phone = NO_PHONE
    address: Address = NO_ADDRESS
    user_agent: str = ""
    #: What the policy declares and the signup gave, by the full name of the signal: `signup.plan`.
    attributes: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


# Every signup that is read makes one of each. Arguments go by place, which takes half the time again.
new_email = maker_of(EmailAddress)
new_phone = maker_of(Phone)
new_address = maker_of(Address)
new_signup = maker_of(Signup)
