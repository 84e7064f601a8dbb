"""Tokens: for one purpose and case, for a time; a hand-off works once, at a second device, for the same case."""

import asyncio
import hashlib
import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import text

from kycrisk.verification.qr import qr_svg
from kycrisk.verification.tokens import (
    KINDS,
    Kind,
    Pass,
    Refused,
    forget_tokens,
    go_on,
    issue_token,
    look,
    redeem,
    revoke,
    revoke_token,
)
from tests.store.making import NOW

LINK, PAGE, HAND_OFF, MAILBOX = Kind.LINK, Kind.PAGE, Kind.HAND_OFF, Kind.MAILBOX


def issue(store, kind, subject="case_1", lifetime=None):
    return store.write(lambda tx: issue_token(tx, kind, subject, lifetime))


def use(store, kind, token):
    return store.write(lambda tx: redeem(tx, kind, token))


@pytest.mark.row("S14")
def test_a_second_device_goes_on_with_the_same_case_once(run, clock):
    async def body(store):
        hand_off = await issue(store, HAND_OFF)
        seen = [await store.read(look, HAND_OFF, hand_off, clock()) for _ in range(3)]
        both = await asyncio.gather(
            *(store.write(lambda tx: go_on(tx, HAND_OFF, hand_off)) for _ in range(2)), return_exceptions=True
        )
        [(passed, page)] = [each for each in both if not isinstance(each, Refused)]
        return seen, both, passed, await use(store, PAGE, page)

    seen, both, passed, page = run(body)
    assert seen == [Pass(HAND_OFF, "case_1", NOW + timedelta(minutes=15))] * 3
    assert [each for each in both if isinstance(each, Refused)] == [Refused.USED]
    assert (passed.subject, page.subject, page.expires_at) == ("case_1", "case_1", NOW + timedelta(hours=2))


@pytest.mark.row("S13")
def test_a_link_of_a_ticket_works_at_hour_71_and_not_after_its_time(run, clock):
    async def body(store):
        link = await issue(store, LINK, lifetime=timedelta(hours=72))
        found = []
        for hour in (0, 71, 72):
            clock.now = NOW + timedelta(hours=hour)
            found.append(await store.write(lambda tx: go_on(tx, LINK, link)))
        return found

    first, later, over = run(body)
    assert (first[0].subject, later[0].subject, over) == ("case_1", "case_1", Refused.EXPIRED)
    assert first[1] != later[1]


def test_a_token_is_good_for_its_purpose_only(run, clock):
    async def body(store):
        return {(kind, asked): await use(store, asked, await issue(store, kind)) for kind in Kind for asked in Kind}

    found = run(body)
    assert {pair for pair, answer in found.items() if isinstance(answer, Pass)} == {(kind, kind) for kind in Kind}
    assert {answer for pair, answer in found.items() if pair[0] is not pair[1]} == {Refused.UNKNOWN}


def test_lifetimes_are_bounded(run, clock):
    async def body(store):
        found = []
        for kind, terms in KINDS.items():
            clock.now = NOW
            for wrong in (timedelta(0), timedelta(seconds=-1), terms.longest + timedelta(seconds=1)):
                with pytest.raises(ValueError, match="lives longer than nothing and at most"):
                    await issue(store, kind, lifetime=wrong)
            token = await issue(store, kind, lifetime=terms.longest)
            clock.now = NOW + terms.longest
            found.append(await use(store, kind, token))
        return found

    assert run(body) == [Refused.EXPIRED] * 4


def test_tokens_can_be_revoked_one_by_one_by_kind_and_by_case(run, clock):
    async def body(store):
        pages = [await issue(store, PAGE) for _ in range(3)]
        link, foreign = await issue(store, LINK), await issue(store, PAGE, "case_2")
        one = [await store.write(lambda tx: revoke_token(tx, pages[0])) for _ in range(2)]
        kind = await store.write(lambda tx: revoke(tx, "case_1", PAGE))
        after_kind = [await use(store, PAGE, each) for each in pages], await use(store, LINK, link)
        rest = await store.write(lambda tx: revoke(tx, "case_1"))
        return one, kind, after_kind, rest, await use(store, LINK, link), await use(store, PAGE, foreign)

    one, kind, (pages, link), rest, last, foreign = run(body)
    assert (one, kind, rest) == ([True, False], 2, 1)
    assert (pages, link.subject, last, foreign.subject) == ([Refused.REVOKED] * 3, "case_1", Refused.REVOKED, "case_2")


def test_what_was_never_issued_is_unknown(run, clock):
    wrong = ["", "x", "A" * 43, "A" * 44, "\ud800", "é" * 43, "A" * 42 + "\n"]

    async def body(store):
        await issue(store, PAGE)
        return [await use(store, PAGE, each) for each in wrong]

    assert run(body) == [Refused.UNKNOWN] * len(wrong)


def test_what_lies_in_the_database_opens_nothing(run, clock):
    async def body(store):
        tokens = [await issue(store, kind) for kind in Kind]
        rows = await store.read(lambda c: c.execute(text("SELECT * FROM tokens")).all())
        digests = [bytes(row.digest) for row in rows]
        opened = [await use(store, LINK, each.hex()) for each in digests]
        return tokens, repr(rows), digests, opened

    tokens, rows, digests, opened = run(body)
    assert [token for token in tokens if token in rows] == []
    assert sorted(digests) == sorted(hashlib.sha256(token.encode()).digest() for token in tokens)
    assert opened == [Refused.UNKNOWN] * 4
    assert len({*tokens}) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_old_tokens_are_forgotten(run, clock):
    async def body(store):
        hand_off, link = await issue(store, HAND_OFF), await issue(store, LINK)
        clock.forward(days=2)
        count = await store.write(lambda tx: forget_tokens(tx, clock()))
        return count, await use(store, HAND_OFF, hand_off), await use(store, LINK, link)

    count, hand_off, link = run(body)
    assert (count, hand_off, link.subject) == (1, Refused.UNKNOWN, "case_1")


def test_a_link_is_drawn_as_a_picture_that_screen_readers_name():
    link = f"https://kyc.example.com/v/{'a' * 43}"
    drawn = qr_svg(link, 'Scan to <go on> & "more"')
    root = ElementTree.fromstring(drawn)
    name = "{http://www.w3.org/2000/svg}"
    assert (root.tag, root.get("role"), root.find(f"{name}title").text) == (
        f"{name}svg",
        "img",
        'Scan to <go on> & "more"',
    )
    assert root.get("viewBox")
    assert "<script" not in drawn
    assert link not in drawn  # only as modules
    assert drawn != qr_svg(link.replace("a", "b"), "x")
    with pytest.raises(ValueError, match="phones cannot read"):
        qr_svg("x" * 401, "x")
