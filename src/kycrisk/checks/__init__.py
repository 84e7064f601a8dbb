"""The local checks, in the order in which they are asked: one file and one word each."""

from kycrisk.checks import (
    address,
    blocklist,
    country,
    disposable,
    drop,
    email,
    forum_spam,
    geo,
    hosting,
    ip,
    name,
    person,
    phone,
    provider,
    relay,
    signup,
    tor,
    user_agent,
)
from kycrisk.checks.check import AnyCheck

CHECKS: tuple[AnyCheck, ...] = (
    signup.CHECK,
    email.CHECK,
    disposable.CHECK,
    provider.CHECK,
    ip.CHECK,
    tor.CHECK,
    drop.CHECK,
    blocklist.CHECK,
    forum_spam.CHECK,
    hosting.CHECK,
    relay.CHECK,
    geo.CHECK,
    phone.CHECK,
    address.CHECK,
    country.CHECK,
    name.CHECK,
    person.CHECK,
    user_agent.CHECK,
)
