"""What lists are for: one row per purpose. A feed serves exactly one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Shape(Enum):
    """What the entries of a list are."""

    DOMAIN = "domain"
    NETWORK = "network"
    EMAIL = "e-mail address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """A question that lists answer.

    `accuses`: being listed speaks against a customer, so protected domains can never be listed.
    `provider_suffixes`: entries may be suffixes that a provider hands names out under (the private section of the
    public suffix list, such as `duckdns.org`); suffixes of registries (`co.id`) are never listed for any purpose.
    """

    name: str
    title: str
    shape: Shape
    accuses: bool = False
    provider_suffixes: bool = False


PURPOSES: dict[str, Purpose] = {
    purpose.name: purpose
    for purpose in (
        Purpose(name="disposable_domain", title="disposable e-mail domains", shape=Shape.DOMAIN, accuses=True),
        Purpose(name="mail_provider", title="free mailbox providers", shape=Shape.DOMAIN),
        Purpose(name="mail_forwarder", title="alias forwarders", shape=Shape.DOMAIN),
        Purpose(name="protected_domain", title="domains that no other list may accuse", shape=Shape.DOMAIN),
        Purpose(
            name="dynamic_dns",
            title="dynamic DNS domains",
            shape=Shape.DOMAIN,
            accuses=True,
            provider_suffixes=True,
        ),
        Purpose(name="forum_spam_domain", title="domains of forum spammers", shape=Shape.DOMAIN, accuses=True),
        Purpose(name="email_blocklist", title="e-mail addresses known for abuse", shape=Shape.EMAIL, accuses=True),
        Purpose(name="tor_exit", title="Tor exits", shape=Shape.NETWORK),
        Purpose(name="drop", title="hijacked or criminal networks", shape=Shape.NETWORK, accuses=True),
        Purpose(name="blocklist", title="addresses seen attacking", shape=Shape.NETWORK, accuses=True),
        Purpose(name="forum_spam_ip", title="addresses of forum spammers", shape=Shape.NETWORK, accuses=True),
        Purpose(name="datacenter", title="datacenter networks", shape=Shape.NETWORK),
        Purpose(name="vpn", title="VPN networks", shape=Shape.NETWORK),
        Purpose(name="relay", title="privacy relays of operating systems", shape=Shape.NETWORK),
    )
}

#: Feeds of these purposes say which domains the accusing ones may not list.
PROTECTING = ("protected_domain", "mail_forwarder")
