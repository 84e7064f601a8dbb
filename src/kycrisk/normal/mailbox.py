"""The mailbox behind an address: what large providers ignore in addresses, and which domains they treat as one.

Every row names its source. Where no provider is known, only a `+tag` is dropped, the most widespread kind of
subaddress (RFC 5233, and the default of Postfix-based hosts), and the local part is folded to lower case: RFC 5321
section 2.4 leaves its case to the host, but practically none tells `Jane@` from `jane@`. A canonical address is for
comparing signups; mail goes to the address as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How one provider reads addresses at its `domains`."""

    domains: frozenset[str]
    domain: str = ""  # all its domains are this one; empty: each is a name space of its own
    tags: str = "+"  # the characters that start a tag
    ignored: str = ""  # characters that make no difference in a local part
    equal: tuple[str, str] | None = None  # the first character means the second
    user_domains: bool = False  # `tag@user.domain` is `user@domain`


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
    Provider(
        domains=frozenset(
            {"ya.ru", "yandex.co.il"}
            | {f"yandex.com.{end}" for end in ("am", "ge", "ru", "tr", "ua")}
            | {
                f"yandex.{end}"
                for end in "az by com ee fr kg kz lt lv md ru tj tm ua uz".split()
            }
        ),
        domain="yandex.ru",
        equal=(".", "-"),
    ),
    # Disposable addresses are `base-keyword` (help.yahoo.com, AddressGuard; US patent application 2006/0041621), and
    # a hyphen is kept for them. The base is not the login, so this joins a person's disposable addresses with each
    # other. MaxMind cuts at the hyphen too (same page as above). Yahoo Japan is another company.
    Provider(
        domains=frozenset(
            {"myyahoo.com", "y7mail.com", "ymail.com", "rocketmail.com"}
            | {f"yahoo.co.{end}" for end in "id il in kr nz th uk za".split()}
            | {f"yahoo.com.{end}" for end in "ar au br co hk hr mx my pe ph sg tr tw ua ve vn".split()}
            | {
                f"yahoo.{end}"
                for end in (
                    "at be bg ca cl com cz de dk ee es fi fr gr hu ie in it lt lv nl no pl pt ro se sk".split()
                )
            }
        ),
        tags="-+",
    ),
    # Plus and subdomain addressing at all its domains: fastmail.help/hc/en-us/articles/360060591053. In a subdomain an
    # underscore is written as a hyphen (fastmail.blog, 2008-01-24), which cannot be told from a real hyphen: kept.
    Provider(
        domains=frozenset(
            {f"fastmail.{end}" for end in "ca cn com de es fm fr im in jp mx net nl org se to tw uk us".split()}
            | set(
                """
                fastmail.co.uk fastmail.com.au 123mail.org airpost.net eml.cc f-m.fm fast-email.com fast-mail.org
                fastem.com fastemail.us fastemailer.com fastest.cc fastimap.com fastmailbox.net fastmessaging.com
                fea.st fmail.co.uk fmailbox.com fmgirl.com fmguy.com ftml.net imap.cc imapmail.org letterboxes.org
                mailbolt.com mailcan.com mailforce.net mailhaven.com mailworks.org ml1.net mm.st myfastmail.com
                ownmail.net postinbox.com proinbox.com rushpost.com sent.as sent.at sent.com speedpost.net ssl-mail.com
                swift-mail.com the-fastest.net the-quickest.com veryfast.biz veryspeedy.net warpmail.net xsmail.com
                your-mail.com
                """.split()
            )
        ),
        user_domains=True,
    ),
)

#: Also right for Outlook.com (hotmail.com, live.com, msn.com: dots matter there, domains are separate), Zoho, GMX.
ANY_OTHER = Provider(domains=frozenset())

_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}


def mailbox(local: str, domain: str) -> tuple[str, str]:
    """The canonical address and the tag that it drops: `jane.doe+x` at `googlemail.com` → `janedoe@gmail.com`, `x`.

    `domain` is in lower-case A-labels.
    """
    provider, host, user = _reading(domain)
    name, tag = (user, local) if user else _without_tag(local, provider.tags)
    folded = name.lower()
    if provider.equal is not None:
        folded = folded.replace(*provider.equal)
    if provider.ignored:
        folded = "".join([letter for letter in folded if letter not in provider.ignored]) or folded
    return f"{folded}@{host}", tag


def _without_tag(local: str, tags: str) -> tuple[str, str]:
    """The name before the first tag character, and the tag. A leading one starts a name, not a tag."""
    starts = [at for character in tags if (at := local.find(character, 1)) > 0]
    if not starts:
        return local, ""
    at = min(starts)
    return local[:at], local[at + 1 :]


@lru_cache(maxsize=16_384)
def _reading(domain: str) -> tuple[Provider, str, str]:
    """Who reads addresses at the domain, under which name, and the user that the domain itself names."""
    provider = _BY_DOMAIN.get(domain)
    if provider is not None:
        return provider, provider.domain or domain, ""
    user, _, parent = domain.partition(".")
    above = _BY_DOMAIN.get(parent)
    if above is not None and above.user_domains:
        return above, parent, user
    return ANY_OTHER, domain, ""
