"""Domains that imitate a large mailbox provider: by letters that look alike, by one slip of the keys, by a prefix."""

from __future__ import annotations

import unicodedata

from kycrisk.text.folding import folded

# Providers with hundreds of millions of mailboxes: what people mistype, and what imitators imitate. One slip counts.
_LARGE = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.co.jp", "yahoo.co.in", "yahoo.com.br", "yahoo.fr",
    "yahoo.de", "yahoo.it", "yahoo.es", "outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.it",
    "hotmail.es", "hotmail.de", "icloud.com", "protonmail.com", "proton.me", "yandex.ru", "yandex.com", "fastmail.com",
    "rambler.ru", "comcast.net", "verizon.net", "t-online.de", "freenet.de", "laposte.net", "wanadoo.fr",
    "seznam.cz", "hanmail.net", "rediffmail.com", "btinternet.com", "bigpond.com",
)  # fmt: skip

# Also imitated, but too short or too near to honest words for counting slips (`mall.com`, `olive.com`, `apples.com`):
# only what looks the same counts.
_IMITATED = (
    "aol.com", "ymail.com", "live.com", "msn.com", "mail.com", "email.com", "me.com", "mac.com", "pm.me", "gmx.com",
    "gmx.net", "gmx.de", "web.de", "mail.ru", "bk.ru", "inbox.ru", "list.ru", "ya.ru", "qq.com", "163.com", "126.com",
    "sina.com", "naver.com", "daum.net", "zoho.com", "hey.com", "orange.fr", "free.fr", "sfr.fr", "libero.it",
    "wp.pl", "o2.pl", "onet.pl", "ukr.net", "abv.bg", "uol.com.br", "att.net", "sbcglobal.net", "cox.net",
    "paypal.com", "apple.com", "microsoft.com", "google.com", "amazon.com", "facebook.com", "binance.com",
)  # fmt: skip

# Honest domains one slip away from a large provider.
_HONEST = frozenset({"cloud.com", "mail.com", "comcast.com", "yandex.net", "yahoo.net", "outlook.net"})

# Letters and groups that look alike in the fonts of address bars (UTS 39, confusables.txt), lower case. Groups are
# replaced first. Accents are taken off and Cyrillic and Greek look-alikes are turned into Latin before.
_GROUPS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"))
_STRICT = str.maketrans({"0": "o", "1": "l", "|": "l", "!": "l", "5": "s", "$": "s"})
_TALL = str.maketrans({"i": "l", "j": "l"})  # upper-case I is l; i and j are l without their dots
_SHAPES = str.maketrans({
    "а": "a", "с": "c", "ԁ": "d", "е": "e", "ё": "e", "һ": "h", "і": "i", "ї": "i", "ј": "j", "ӏ": "l", "ο": "o",
    "о": "o", "р": "p", "ԛ": "q", "ѕ": "s", "т": "t", "υ": "u", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y", "ү": "y",
    "к": "k", "м": "m", "н": "h", "в": "b", "г": "r", "п": "n", "α": "a", "ε": "e", "ι": "i", "κ": "k", "ν": "v",
    "ρ": "p", "τ": "t", "χ": "x", "γ": "y", "η": "n", "ω": "w", "σ": "o", "օ": "o", "ո": "n", "ս": "u", "ց": "g",
    "հ": "h", "ı": "i", "ɡ": "g", "ɑ": "a", "ɩ": "i", "ʟ": "l", "ᴏ": "o", "ℓ": "l", "ǀ": "l", "・": "", "‐": "-",
})  # fmt: skip
_SHORT = 5  # letters in a name from which one slip, or an i for an l, counts


def lookalike(domain: str, registrable: str = "", shown: str = "", written: str = "") -> str:
    """The provider that a domain imitates, "" when it imitates none.

    `domain` is in A-labels, `registrable` its registrable part, `shown` the domain in Unicode, `written` the address
    as the customer wrote it, because `gmaiI.com` shows its upper-case I only there.
    """
    owned = registrable or domain
    if owned in _KNOWN or owned in _HONEST:
        return ""
    seen = ".".join((shown or domain).split(".")[-owned.count(".") - 1 :]) if domain != owned else shown or domain
    if not written.islower():
        seen = _as_written(written, owned) or seen
    name, _, suffix = seen.partition(".")
    if (suffix, len(name)) in _SIZES or not seen.isascii():
        strict = _skeleton(seen)
        found = _BY_SHAPE.get(strict) or _BY_TALL_SHAPE.get(strict.translate(_TALL))
        if found:
            return found
    return _slipped(owned) or _worn_as_prefix(domain, owned)


def one_slip(one: str, other: str) -> bool:
    """Whether two texts differ by one letter too many, missing, wrong, or by two neighbours swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, rest_other = one[start:], other[start:]
    if len(one) != len(other):
        longer, shorter = (rest, rest_other) if len(one) > len(other) else (rest_other, rest)
        return longer[1:] == shorter
    return rest[1:] == rest_other[1:] or (rest[1::-1] == rest_other[:2] and rest[2:] == rest_other[2:])


def _as_written(written: str, owned: str) -> str:
    """The domain in mixed case with every upper-case I shown as the l it looks like; "" for other writings."""
    host = written.rpartition("@")[2].strip()[-len(owned) :]
    return host.replace("I", "l").lower() if host.lower() == owned and not host.isupper() and "I" in host else ""


def _slipped(owned: str) -> str:
    """The large provider that the domain is one slip away from, in the name or in `.com`."""
    name, _, suffix = owned.partition(".")
    if (name[:1], len(name)) not in _NEAR:
        return ""
    if name in _COM_NAMES:
        return f"{name}.com" if one_slip(suffix, "com") else ""
    for shorter in _without_one(name):
        for model in _BY_SHORTER.get((shorter, suffix), ()):
            if one_slip(name, model) and not _other_initial(name, model):
                return f"{model}.{suffix}"
    return ""


def _other_initial(name: str, model: str) -> bool:
    """Whether the slip is a new first letter: that is seen at once, and honest (`xmail.com`, `hicloud.com`)."""
    return name[1:] == model[1:] or (name[1:] == model and name[0] != model[0])


def _worn_as_prefix(domain: str, owned: str) -> str:
    """The large provider in front of or behind somebody else's name: `gmail.com.login.example`, `my-gmail.com`."""
    if "-" in owned and (behind := owned.rpartition("-")[2]) in _LARGE_SET:
        return behind
    if domain != owned:
        inner = f".{domain[: -len(owned)]}"
        return next((provider for provider in _LARGE if f".{provider}." in inner), "")
    return ""


def _skeleton(text: str) -> str:
    if not text.isascii():
        shaped = unicodedata.normalize("NFKC", text).lower().translate(_SHAPES)
        text = shaped if shaped.isascii() else folded(shaped)
    for group, letter in _GROUPS:
        text = text.replace(group, letter)
    return str(text.translate(_STRICT))


def _without_one(text: str) -> set[str]:
    return {text[:at] + text[at + 1 :] for at in range(len(text))} | {text}


def _by_shorter() -> dict[tuple[str, str], tuple[str, ...]]:
    """Large providers' names under each form they have with one letter left out: a slip shares one with its model."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for provider in _LARGE:
        name, _, suffix = provider.partition(".")
        for shorter in _without_one(name):
            found[shorter, suffix] = (*found.get((shorter, suffix), ()), name)
    return found


_LARGE_SET = frozenset(_LARGE)
_KNOWN = frozenset(_LARGE + _IMITATED)
_NAMES = frozenset(provider.partition(".")[0] for provider in _LARGE)
_COM_NAMES = frozenset(provider.removesuffix(".com") for provider in _LARGE if provider.count(".") == 1) & _NAMES
_BY_SHORTER = _by_shorter()

# First letters and lengths that a name one slip away can have: most domains end here.
_NEAR = frozenset((initial, len(name) + more) for name in _NAMES for initial in name[:2] for more in (-1, 0, 1))

# What an imitation in ASCII can look like from afar: the suffix, and the length of the name with groups for letters.
_SIZES = frozenset(
    (suffix, len(name) + groups)
    for name, _, suffix in (provider.partition(".") for provider in _LARGE + _IMITATED)
    for groups in range(sum(map(name.count, "mdw")) + 1)
)
_BY_SHAPE: dict[str, str] = {_skeleton(provider): provider for provider in reversed(_LARGE + _IMITATED)}
_BY_TALL_SHAPE: dict[str, str] = {
    _skeleton(provider).translate(_TALL): provider
    for provider in reversed(_LARGE + _IMITATED)
    if len(provider.partition(".")[0]) >= _SHORT
}
