"""E-mail addresses in their normal forms, and the agreement of the fast path with email-validator."""

from __future__ import annotations

import os

import pytest
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kycrisk.normal.email import normal_email
from kycrisk.signup import EmailAddress

MANY = 100 if os.environ.get("KYCRISK_TEST_PROFILE", "quick") == "quick" else 1000


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            "  Jane.Doe+News@Example.COM ",
            EmailAddress(
                raw="Jane.Doe+News@Example.COM",
                valid=True,
                address="Jane.Doe+News@example.com",
                local="Jane.Doe+News",
                domain="example.com",
                domain_unicode="example.com",
                canonical="jane.doe@example.com",
                tag="News",
                registrable="example.com",
            ),
            id="plain",
        ),
        pytest.param(
            "j.doe@Mail.BÜCHER.example.co.uk",
            EmailAddress(
                raw="j.doe@Mail.BÜCHER.example.co.uk",
                valid=True,
                address="j.doe@mail.xn--bcher-kva.example.co.uk",
                local="j.doe",
                domain="mail.xn--bcher-kva.example.co.uk",
                domain_unicode="mail.bücher.example.co.uk",
                canonical="j.doe@mail.xn--bcher-kva.example.co.uk",
                registrable="example.co.uk",
            ),
            id="international domain",
        ),
        pytest.param(
            "j@xn--bcher-kva.example",
            EmailAddress(
                raw="j@xn--bcher-kva.example",
                valid=True,
                address="j@xn--bcher-kva.example",
                local="j",
                domain="xn--bcher-kva.example",
                domain_unicode="bücher.example",
                canonical="j@xn--bcher-kva.example",
                registrable="xn--bcher-kva.example",
            ),
            id="A-labels",
        ),
        pytest.param(
            "Jose\u0301@example.com",
            EmailAddress(
                raw="Jose\u0301@example.com",
                valid=True,
                address="José@example.com",
                local="José",
                domain="example.com",
                domain_unicode="example.com",
                canonical="josé@example.com",
                registrable="example.com",
            ),
            id="local part composed",
        ),
        pytest.param(
            "jane@blogspot.com",
            EmailAddress(
                raw="jane@blogspot.com",
                valid=True,
                address="jane@blogspot.com",
                local="jane",
                domain="blogspot.com",
                domain_unicode="blogspot.com",
                canonical="jane@blogspot.com",
                registrable="",
            ),
            id="at a public suffix",
        ),
        pytest.param(
            "Jane..Doe@Mailinator.com",
            EmailAddress(
                raw="Jane..Doe@Mailinator.com",
                valid=False,
                defect="an email address cannot have two periods in a row",
                address="Jane..Doe@mailinator.com",
                local="Jane..Doe",
                domain="mailinator.com",
                domain_unicode="mailinator.com",
                canonical="jane..doe@mailinator.com",
                registrable="mailinator.com",
            ),
            id="broken local part",
        ),
        pytest.param(
            "Jane <jane@mailinator.com>",
            EmailAddress(
                raw="Jane <jane@mailinator.com>",
                valid=False,
                defect="a display name and angle brackets around the email address are not permitted here",
                address="jane@mailinator.com",
                local="jane",
                domain="mailinator.com",
                domain_unicode="mailinator.com",
                canonical="jane@mailinator.com",
                registrable="mailinator.com",
            ),
            id="display name",
        ),
        pytest.param(
            "@example.com",
            EmailAddress(
                raw="@example.com",
                valid=False,
                defect="there must be something before the @-sign",
                domain="example.com",
                domain_unicode="example.com",
                registrable="example.com",
            ),
            id="no local part",
        ),
        pytest.param(
            "jane@",
            EmailAddress(raw="jane@", valid=False, defect="there must be something after the @-sign", local="jane"),
            id="no domain",
        ),
        pytest.param(
            "jane.example.com",
            EmailAddress(raw="jane.example.com", valid=False, defect="an email address must have an @-sign"),
            id="no at sign",
        ),
        pytest.param(
            "",
            EmailAddress(raw="", valid=False, defect="an email address must have an @-sign"),
            id="empty",
        ),
    ],
)
def test_the_normal_forms(raw: str, expected: EmailAddress) -> None:
    assert normal_email(raw) == expected


@pytest.mark.parametrize(
    ("raw", "domain"),
    [
        pytest.param("jane@example.com.", "example.com", id="trailing period"),
        pytest.param("jane doe@example.com", "example.com", id="space in the local part"),
        pytest.param("jane@@example.com", "example.com", id="two at signs"),
        pytest.param('"jane doe"@example.com', "example.com", id="quoted"),
        pytest.param("jane@ example.com", "example.com", id="space behind the at sign"),
        pytest.param("jane@my_host.example.com", "my_host.example.com", id="underscore"),
        pytest.param("jane..doe@bücher.de", "xn--bcher-kva.de", id="international"),
        pytest.param("jane@localhost", "localhost", id="single label"),
        pytest.param("jane@printer.local", "printer.local", id="special use"),
        pytest.param("jane@[192.0.2.1]", "", id="address literal"),
        pytest.param("jane@exa mple.com", "", id="space in the domain"),
        pytest.param("jane@" + "a" * 300 + ".com", "", id="domain too long"),
        pytest.param("jane@-.com", "", id="hyphen"),
        pytest.param("jane@\ud800.com", "", id="lone surrogate"),
    ],
)
def test_a_broken_address_keeps_the_domain_that_can_be_read(raw: str, domain: str) -> None:
    email = normal_email(raw)
    assert (email.valid, email.domain) == (False, domain)
    assert email.defect


@pytest.mark.parametrize(
    ("raw", "canonical", "tag"),
    [
        pytest.param("Jane.Doe@gmail.com", "janedoe@gmail.com", "", id="gmail dots"),
        pytest.param("jane.doe+x.y@gmail.com", "janedoe@gmail.com", "x.y", id="gmail tag"),
        pytest.param("j.d@googlemail.com", "jd@gmail.com", "", id="googlemail"),
        pytest.param("+jane@gmail.com", "+jane@gmail.com", "", id="leading plus is a name"),
        pytest.param("jane+@gmail.com", "jane@gmail.com", "", id="empty tag"),
        pytest.param("jane+a+b@gmail.com", "jane@gmail.com", "a+b", id="first plus"),
        pytest.param("jane.doe+x@outlook.com", "jane.doe@outlook.com", "x", id="outlook keeps dots"),
        pytest.param("jane+x@hotmail.com", "jane@hotmail.com", "x", id="hotmail is its own domain"),
        pytest.param("jane+x@live.com", "jane@live.com", "x", id="live"),
        pytest.param("jane+x@me.com", "jane@icloud.com", "x", id="me"),
        pytest.param("jane.doe@mac.com", "jane.doe@icloud.com", "", id="mac"),
        pytest.param("Jane_Do-e.x+y@pm.me", "janedoex@proton.me", "y", id="proton"),
        pytest.param("janedoex@protonmail.com", "janedoex@proton.me", "", id="protonmail"),
        pytest.param("-_-@proton.me", "-_-@proton.me", "", id="proton nothing but ignored"),
        pytest.param("jane-shop@yahoo.com", "jane@yahoo.com", "shop", id="yahoo keyword"),
        pytest.param("jane+b-c@yahoo.co.uk", "jane@yahoo.co.uk", "b-c", id="yahoo first of both"),
        pytest.param("jane-shop@yahoo.co.jp", "jane-shop@yahoo.co.jp", "", id="yahoo japan is another company"),
        pytest.param("AA.bb-Cc@ya.ru", "aa-bb-cc@yandex.ru", "", id="yandex"),
        pytest.param("aa-bb.cc+x@yandex.com.tr", "aa-bb-cc@yandex.ru", "x", id="yandex abroad"),
        pytest.param("aa.bb@yandex-team.ru", "aa.bb@yandex-team.ru", "", id="yandex's own staff"),
        pytest.param("jane+x@fastmail.com", "jane@fastmail.com", "x", id="fastmail"),
        pytest.param("Shop@Jane.fastmail.com", "jane@fastmail.com", "Shop", id="fastmail subdomain"),
        pytest.param("shop+a@jane.sent.com", "jane@sent.com", "shop+a", id="fastmail subdomain with a tag"),
        pytest.param("x@a.b.fastmail.com", "x@a.b.fastmail.com", "", id="two below fastmail"),
        pytest.param("shop@jane.gmail.com", "shop@jane.gmail.com", "", id="below gmail"),
        pytest.param("Jane.Doe+x@example.com", "jane.doe@example.com", "x", id="unknown domain"),
        pytest.param("jane-x_y@example.com", "jane-x_y@example.com", "", id="unknown domain keeps the rest"),
        pytest.param("jane+x..y@example.com", "jane@example.com", "x..y", id="broken"),
    ],
)
def test_the_mailbox_behind_an_address(raw: str, canonical: str, tag: str) -> None:
    email = normal_email(raw)
    assert (email.canonical, email.tag) == (canonical, tag)


LABEL_63 = "a" * 63
DOMAIN_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "a" * 57, "com"])

NASTY = [
    ".jane@example.com",
    "jane.@example.com",
    "ja..ne@example.com",
    "a" * 64 + "@example.com",
    "a" * 65 + "@example.com",
    "a" * 242 + "@example.com",  # 254
    "a" * 243 + "@example.com",
    "a@" + DOMAIN_253[2:],
    "a@" + DOMAIN_253,
    f"a@{LABEL_63}.com",
    f"a@{LABEL_63}a.com",
    f"a@example.{LABEL_63}",
    f"a@example.{LABEL_63}a",
    "a@-example.com",
    "a@example-.com",
    "a@ex--ample.com",
    "a@e--xample.com",
    "a@exa--mple.com",
    "a@xn--bcher-kva.com",
    "a@XN--BCHER-KVA.com",
    "a@xn--.com",
    "a@xn--a.com",
    "a@1.xn--4dbc.com",
    "a@example",
    "a@example.c",
    "a@example.1",
    "a@example.c0m",
    "a@example.0m",
    "a@example.com0",
    "a@example.co-m",
    "a@example.ab--m",
    "a@123.com",
    "a@1.2.3.4",
    "a@example.test",
    "a@test",
    "a@local",
    "a@example.local",
    "a@local.example.com",
    "a@onion.com",
    "a@x.onion",
    "a@x.in-addr.arpa",
    "a@arpa.com",
    "a@x.invalid",
    "a@localhost.localhost",
    "a@notlocalhost.com",
    "a@my.testing",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "a(b)@example.com",
    "a@example.com\n",
    "a@exam\u212ale.com",
    "a@ｅxample.com",
    "a@example。com",
    "a＠example.com",
    "a@exa\u00admple.com",
    "a@faß.de",
    "a@İ.com",
    "Info@example.com",
    "a\x00@example.com",
    "a@exa\x00mple.com",
    "\ud800@example.com",
]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=ascii(raw)[:40]) for raw in NASTY])
def test_nasty_addresses_are_judged_as_email_validator_judges_them(raw: str) -> None:
    agree(raw)


ATOMS = st.text(alphabet="abzAZ019.-+_!'", min_size=0, max_size=12)
LABELS = st.one_of(
    st.text(alphabet="abzAZ019-", max_size=8),
    st.sampled_from(["xn--", "xn--bcher-kva", "ab--c", "a--b", "com", "c0m", "co", "example", "-", ""]),
    st.sampled_from(["arpa", "invalid", "local", "localhost", "onion", "test", "LOCAL", "tests", "mylocal"]),
    st.integers(60, 66).map(lambda length: "a" * length),
)
ADDRESSES = st.builds(
    lambda local, at, labels: local + at + ".".join(labels),
    st.one_of(ATOMS, st.integers(60, 256).map(lambda length: "x" * length), st.text(max_size=6)),
    st.sampled_from(["@"] * 8 + ["", "@@", " @", "@ "]),
    st.lists(LABELS, max_size=6),
)


@settings(max_examples=4 * MANY, deadline=None)
@given(ADDRESSES)
@example("a@" + DOMAIN_253[2:])
def test_random_addresses_are_judged_as_email_validator_judges_them(raw: str) -> None:
    agree(raw)


GOOD_LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
GOOD_ATOM = st.from_regex(r"[a-zA-Z0-9_+!-]{1,6}", fullmatch=True)


@st.composite
def nearly_good(draw: st.DrawFn) -> str:
    """A plausible address, as often as not with one character put in, taken out or changed."""
    local = ".".join(draw(st.lists(GOOD_ATOM, min_size=1, max_size=3)))
    labels = [
        *draw(st.lists(GOOD_LABEL, min_size=1, max_size=3)),
        draw(st.sampled_from(["com", "Co", "c0m", "a-b"])),
    ]
    text = f"{local}@{'.'.join(labels)}"
    at, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 1))
    put = draw(st.sampled_from(["", "", "", ".", "-", "--", "@", "é", " ", "xn--", "_"]))
    return text[:at] + put + text[at + cut * bool(put) :]


@settings(max_examples=3 * MANY, deadline=None)
@given(nearly_good())
def test_nearly_good_addresses_are_judged_as_email_validator_judges_them(raw: str) -> None:
    agree(raw)


@settings(max_examples=1000, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_judged_as_email_validator_judges_it(raw: str) -> None:
    agree(raw)


def agree(raw: str) -> None:
    """Our judgement, address and domain are email-validator's, and the defect is its message."""
    ours, theirs = normal_email(raw), _by_email_validator(raw.strip())
    assert ours.raw == raw.strip()
    if isinstance(theirs, str):
        assert not ours.valid
        assert ours.defect.lower() == theirs.removesuffix(".").lower()
        return
    assert (ours.valid, ours.defect) == (True, "")
    assert (ours.domain, ours.domain_unicode) == (theirs.ascii_domain, theirs.domain)
    assert ours.local.lower() == (theirs.local_part or "").lower()  # it folds role names, such as `Info`
    assert ours.address == f"{ours.local}@{ours.domain}"


def _by_email_validator(text: str) -> ValidatedEmail | str:
    try:
        return validate_email(text, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        return str(error)
