"""The e-mail address itself: its parts, its shape, and whether it pretends to be something else."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.checks.world import World
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import EmailAddress
from kycrisk.text.domains import domain_kind
from kycrisk.text.gibberish import gibberish
from kycrisk.text.lookalike import lookalike
from kycrisk.text.person import untagged
from kycrisk.text.scripts import mixes_scripts

# RFC 2142 and what companies commonly use besides, also in other languages.
_ROLES = frozenset(
    {
        "abuse", "ftp", "hostmaster", "info", "marketing", "news", "noc", "postmaster", "sales", "security", "support",
        "usenet", "uucp", "webmaster", "www",
        "accounting", "accounts", "admin", "administrator", "billing", "careers", "compliance", "contact", "devnull",
        "devops", "domains", "donotreply", "dpo", "email", "enquiries", "feedback", "finance", "hello", "help",
        "helpdesk", "hosting", "hr", "invoice", "invoices", "invoicing", "it", "jobs", "legal", "mail",
        "mailer-daemon", "marketplace", "media", "no-reply", "noreply", "null", "office", "ops", "orders", "payments",
        "postbox", "press", "privacy", "purchasing", "reception", "recruitment", "register", "registration", "root",
        "service", "shop", "staff", "subscribe", "sysadmin", "tech", "team", "undisclosed-recipients", "unsubscribe",
        "user", "webadmin", "welcome",
        "biuro", "buchhaltung", "buero", "comercial", "contacto", "contato", "contatti", "einkauf", "faktura",
        "facturacion", "iletisim", "kontakt", "kundenservice", "obchod", "poczta", "post", "posta", "rechnung",
        "sekretariat", "verwaltung", "vendas", "ventas", "vertrieb",
    }
)  # fmt: skip

_DIGITS = b"0123456789"


def _prepare(world: World) -> Callable[[EmailAddress], Answer]:
    is_random = gibberish().is_random

    def ask(email: EmailAddress) -> Answer:
        local, domain, shown = email.local, email.domain, email.domain_unicode
        name, octets = untagged(local, email.tag), local.encode("ascii", "replace")
        idn, imitated, kind = _of_domain(domain, email.registrable, shown, email.raw.rpartition("@")[2])
        return answered(
            {
                "email.address": email.address or email.raw,
                "email.local": local,
                "email.domain": domain,
                "email.registrable": email.registrable,
                "email.canonical": email.canonical,
                "email.valid": email.valid,
                "email.tagged": bool(email.tag),
                "email.role": name.lower() in _ROLES,
                "email.idn": idn,
                "email.mixed_script": not (local.isascii() and shown.isascii())
                and (mixes_scripts(local) or mixes_scripts(shown)),
                "email.lookalike": imitated,
                "email.local_random": is_random(name),
                "email.local_digits": len(octets) - len(octets.translate(None, _DIGITS)),
                "email.domain_kind": kind,
            }
        )

    return ask


@lru_cache(maxsize=16_384)  # most signups share a few mail domains
def _of_domain(domain: str, registrable: str, shown: str, written: str) -> tuple[bool, str, str]:
    """Whether a domain is internationalised, which large provider it imitates, and its kind."""
    return "xn--" in domain, lookalike(domain, registrable, shown, written) if domain else "", domain_kind(domain)


_PERMANENT = "use an address at a permanent mail provider"
_PERSONAL = "use a personal address"


def _signal(name: str, type_: Type, question: str, advice: str = "", *, welcome: bool = False) -> Signal:
    return Signal(name, type_, question, Subject.EMAIL, advice=advice, welcome=welcome)


CHECK: Check[EmailAddress] = Check(
    name="email",
    subject=Subject.EMAIL,
    signals=(
        _signal("email.address", Type.STR, "What is the e-mail address in its normal form?"),
        _signal("email.local", Type.STR, "What stands before the @?"),
        _signal("email.domain", Type.STR, "What is the e-mail domain (lower-case A-labels)?"),
        _signal("email.registrable", Type.STR, "What is the registrable part of the e-mail domain?"),
        _signal("email.canonical", Type.STR, "Which mailbox is behind tags, dots and alias domains?"),
        _signal(
            "email.valid", Type.BOOL, "Is the e-mail address well formed?", "correct the e-mail address", welcome=True
        ),
        _signal("email.tagged", Type.BOOL, "Does the address carry a tag (`+shop`)?", "leave the tag out"),
        _signal("email.role", Type.BOOL, "Does the address belong to a role, not a person?", _PERSONAL),
        _signal("email.idn", Type.BOOL, "Is the e-mail domain internationalised?"),
        _signal(
            "email.mixed_script",
            Type.BOOL,
            "Does the address mix scripts that no language writes together?",
            "write the address in one script",
        ),
        _signal(
            "email.lookalike",
            Type.STR,
            "Which large provider does the e-mail domain imitate (empty for none)?",
            "check the spelling of the e-mail domain",
        ),
        _signal(
            "email.local_random",
            Type.BOOL,
            "Does the part before the @ look like random letters and digits?",
            "use an address with your name",
        ),
        _signal("email.local_digits", Type.INT, "How many digits stand before the @?"),
        _signal(
            "email.domain_kind",
            Type.STR,
            "Is the domain public, for documentation, reserved, of an unknown_suffix, or empty?",
            _PERMANENT,
        ),
    ),
    key=lambda signup, said: signup.email,
    prepare=_prepare,
)
