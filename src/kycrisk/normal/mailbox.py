"""The mailbox behind an address: what large providers ignore in addresses, and which domains they treat as one.

Every row names its source. Where no provider is known, only a `+tag` is dropped, the most widespread kind of
subaddress (RFC 5233, and the default of Postfix-based hosts), and the local part is folded to lower case: RFC 5321
section 2.4 leaves its case to the host, but practically none tells `Jane@` from `jane@`. A canonical address is for
comparing signups; mail goes to the address as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How one provider reads addresses at its `domains`."""

    domains: frozenset[str]
    domain: str = ""  # all its domains are this one; empty: each is a name space of its own
    tags: str = "+"  # the characters that start a tag
    ignored: str = ""  # characters that make no difference in a local part
    equal: tuple[str, str] | None = None  # the first character means the second
    user_domains: bool = False  # `tag@user.domain` is `user@domain`


_YANDEX = """
ya.ru yandex.az yandex.by yandex.co.il yandex.com yandex.com.am yandex.com.ge yandex.com.ru
yandex.com.tr yandex.com.ua yandex.ee yandex.fr yandex.kg yandex.kz yandex.lt yandex.lv yandex.md
yandex.ru yandex.tj yandex.tm yandex.ua yandex.uz
"""

_YAHOO = """
myyahoo.com rocketmail.com y7mail.com ymail.com yahoo.at yahoo.be yahoo.bg yahoo.ca yahoo.cl yahoo.co.id
yahoo.co.il yahoo.co.in yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.co.za yahoo.com
yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.co yahoo.com.hk yahoo.com.hr yahoo.com.mx yahoo.com.my
yahoo.com.pe yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ua yahoo.com.ve yahoo.com.vn
yahoo.cz yahoo.de yahoo.dk yahoo.ee yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hu yahoo.ie yahoo.in
yahoo.it yahoo.lt yahoo.lv yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.se yahoo.sk
"""

_FASTMAIL = """
123mail.org airpost.net eml.cc f-m.fm fast-email.com fast-mail.org fastem.com fastemail.us
fastemailer.com fastest.cc fastimap.com fastmail.ca fastmail.cn fastmail.co.uk fastmail.com
fastmail.com.au fastmail.de fastmail.es fastmail.fm fastmail.fr fastmail.im fastmail.in fastmail.jp
fastmail.mx fastmail.net fastmail.nl fastmail.org fastmail.se fastmail.to fastmail.tw fastmail.uk
fastmail.us fastmailbox.net fastmessaging.com fea.st fmail.co.uk fmailbox.com fmgirl.com fmguy.com
ftml.net imap.cc imapmail.org letterboxes.org mailbolt.com mailcan.com mailforce.net mailhaven.com
mailworks.org ml1.net mm.st myfastmail.com ownmail.net postinbox.com proinbox.com rushpost.com sent.as
sent.at sent.com speedpost.net ssl-mail.com swift-mail.com the-fastest.net the-quickest.com veryfast.biz
veryspeedy.net warpmail.net xsmail.com your-mail.com
"""

PROVIDERS: tuple[Provider, ...] = (
    # "Gmail doesn't recognize dots as characters within usernames": support.google.com/mail/answer/10313. Both domains
    # are one: dev.maxmind.com/minfraud/normalizing-email-addresses-for-minfraud, step 13.
    Provider(domains=frozenset({"gmail.com", "googlemail.com"}), domain="gmail.com", ignored="."),
    # Who has name@mac.com or name@me.com has name@icloud.com too: support.apple.com/118230.
    Provider(domains=frozenset({"icloud.com", "me.com", "mac.com"}), domain="icloud.com"),
    # Proton's own web client compares its addresses without dots, hyphens, underscores and tags
    # (ProtonMail/WebClients, canonicalizeInternalEmail); one user name is one person's at all its domains
    # (protonmail.com/support/knowledge-base/addresses-and-aliases; MaxMind takes them as equivalent too).
    Provider(
        domains=frozenset({"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}),
        domain="proton.me",
        ignored=".-_",
    ),
    # Every mailbox has all domains (yandex.com/support/domain/additional/mailbox-alias.xml), and a dot is a hyphen
    # (Yandex's webmaster3, EuEmailServiceTest, 2019).
    Provider(domains=frozenset(_YANDEX.split()), domain="yandex.ru", equal=(".", "-")),
    # Disposable addresses are `base-keyword` (help.yahoo.com, AddressGuard; US patent application 2006/0041621), and
    # the hyphen is reserved for them. The base is not the login, so this joins a person's disposable addresses with
    # each other. MaxMind cuts at the hyphen too (same page as above). Yahoo Japan is another company.
    Provider(domains=frozenset(_YAHOO.split()), tags="-+"),
    # Plus and subdomain addressing at all its domains: fastmail.help/hc/en-us/articles/360060591053. In a subdomain
    # an underscore is written as a hyphen (fastmail.blog, 2008-01-24) and cannot be told from a real one: kept.
    Provider(domains=frozenset(_FASTMAIL.split()), user_domains=True),
)

#: Who reads addresses at a domain, under which name, and the user that the domain itself names.
Reading = tuple[Provider, str, str]

#: Outlook.com too (hotmail.com, live.com, msn.com): its domains are separate, dots matter, a plus starts a tag.
ANY_OTHER = Provider(domains=frozenset())

_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}


def mailbox(local: str, domain: str) -> tuple[str, str]:
    """The canonical address and the tag that it drops: `jane.doe+x` at `googlemail.com` → `janedoe@gmail.com`, `x`.

    `domain` is in lower-case A-labels.
    """
    return mailbox_at(local, reading(domain))


def mailbox_at(local: str, at: Reading) -> tuple[str, str]:
    """The same at a domain whose reading is known."""
    provider, host, user = at
    name, tag = (user, local) if user else _without_tag(local, provider.tags)
    folded = name.lower()
    if provider.equal is not None:
        folded = folded.replace(*provider.equal)
    if provider.ignored:
        folded = folded.translate(_without(provider.ignored)) or folded
    return f"{folded}@{host}", tag


def _without_tag(local: str, tags: str) -> tuple[str, str]:
    """The name before the first tag character, and the tag. A leading one starts a name, not a tag."""
    first = len(local)
    for character in tags:
        at = local.find(character, 1, first)
        if at > 0:
            first = at
    return local[:first], local[first + 1 :]


@cache
def _without(characters: str) -> dict[int, int | None]:
    """What `str.translate` drops these characters by."""
    return str.maketrans("", "", characters)


@lru_cache(maxsize=16_384)
def reading(domain: str) -> Reading:
    """Who reads addresses at the domain, under which name, and the user that the domain itself names."""
    provider = _BY_DOMAIN.get(domain)
    if provider is not None:
        return provider, provider.domain or domain, ""
    user, _, parent = domain.partition(".")
    above = _BY_DOMAIN.get(parent)
    if above is not None and above.user_domains:
        return above, parent, user
    return ANY_OTHER, domain, ""
