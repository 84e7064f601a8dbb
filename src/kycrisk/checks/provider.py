"""What kind of host the e-mail domain is, from lists."""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import domain_of, gaps, no_domain, on_lists, origins
from kycrisk.signals import Signal, Subject, Type

_PURPOSES = {
    "email.free": "mail_provider",
    "email.forwarder": "mail_forwarder",
    "email.dynamic_dns": "dynamic_dns",
    "email.forum_spam_domain": "forum_spam_domain",
}
_OWN = "use an address at your own or your company's domain"
_PERMANENT = "use an address at a permanent mail provider"

CHECK: Check[str] = Check(
    name="provider",
    subject=Subject.DOMAIN,
    signals=(
        Signal(
            "email.free",
            Type.BOOL,
            "Does the e-mail domain belong to a free mailbox provider?",
            Subject.DOMAIN,
            advice=_OWN,
        ),
        Signal(
            "email.forwarder",
            Type.BOOL,
            "Does the e-mail domain belong to a service that forwards aliases to another mailbox?",
            Subject.DOMAIN,
            advice="use the address that the alias forwards to",
        ),
        Signal(
            "email.dynamic_dns",
            Type.BOOL,
            "Is the e-mail domain a name under a dynamic DNS service?",
            Subject.DOMAIN,
            advice=_PERMANENT,
        ),
        Signal(
            "email.forum_spam_domain",
            Type.BOOL,
            "Is the e-mail domain known for forum spam?",
            Subject.DOMAIN,
            advice=_PERMANENT,
        ),
    ),
    key=domain_of,
    prepare=partial(on_lists, purposes=_PURPOSES, spared=no_domain),
    origins=partial(origins, purposes=_PURPOSES),
    purposes=_PURPOSES,
    gaps=partial(gaps, purposes=_PURPOSES),
)
