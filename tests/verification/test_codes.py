"""Codes for phones and mailboxes: six digits, ten minutes, five tries, and limits to what is sent."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from kycrisk.verification.codes import (
    Channel,
    Checked,
    NewCode,
    NotYet,
    Try,
    check,
    erase_codes,
    forget_codes,
    issue,
    six_digits,
)
from tests.store.making import NOW

PHONE, EMAIL = Channel.PHONE, Channel.EMAIL
NUMBER = "+41791234567"


def send(store, subject="case_1", channel=PHONE, destination=NUMBER):
    return store.write(lambda tx: issue(tx, subject, channel, destination))


def enter(store, code, subject="case_1", channel=PHONE, destination=NUMBER):
    return store.write(lambda tx: check(tx, subject, channel, destination, code))


def other(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.row("H20")
def test_a_right_code_proves_a_phone_once(run, clock):
    async def body(store):
        sent = await send(store)
        assert len(sent.text) == 6
        assert sent.text.isdigit()
        assert sent.text not in repr(sent)
        clock.forward(minutes=9, seconds=59)
        wrong = await enter(store, other(sent.text))
        right = await enter(store, f" {sent.text[:3]}-{sent.text[3:]} ")
        again = await enter(store, sent.text)
        return sent.expires_at, wrong, right, again

    expires_at, wrong, right, again = run(body)
    assert expires_at == NOW + timedelta(minutes=10)
    assert (wrong, right, again) == (Try(Checked.WRONG, 4), Try(Checked.RIGHT), Try(Checked.NONE))


@pytest.mark.row("H20")
def test_a_code_lives_ten_minutes_and_bears_five_tries(run, clock):
    async def body(store):
        first = await send(store)
        clock.forward(minutes=10)
        late = await enter(store, first.text)
        second = await send(store)
        tries = [await enter(store, other(second.text)) for _ in range(5)]
        right = await enter(store, second.text)
        clock.forward(minutes=1)
        third = await send(store)
        return late, tries, right, await enter(store, third.text)

    late, tries, right, third = run(body)
    assert late == Try(Checked.EXPIRED)
    assert tries == [Try(Checked.WRONG, left) for left in (4, 3, 2, 1)] + [Try(Checked.TOO_OFTEN)]
    assert (right, third) == (Try(Checked.TOO_OFTEN), Try(Checked.RIGHT))


@pytest.mark.row("H21")
def test_codes_are_for_one_case_one_channel_and_one_address(run, clock):
    async def body(store):
        sent = await send(store, channel=EMAIL, destination="jane@example.com")
        elsewhere = [
            await enter(store, sent.text, channel=EMAIL, destination="june@example.com"),
            await enter(store, sent.text, channel=PHONE, destination="jane@example.com"),
            await enter(store, sent.text, subject="case_2", channel=EMAIL, destination="jane@example.com"),
        ]
        right = await enter(store, sent.text, channel=EMAIL, destination="jane@example.com")
        return elsewhere, right

    elsewhere, right = run(body)
    assert (elsewhere, right) == ([Try(Checked.NONE)] * 3, Try(Checked.RIGHT))


def test_a_new_code_ends_the_one_before(run, clock):
    async def body(store):
        first = await send(store)
        clock.forward(seconds=60)
        second = await send(store)
        while second.text == first.text:  # one time in a million
            clock.forward(seconds=60)
            second = await send(store)
        return await enter(store, first.text), await enter(store, second.text)

    assert run(body) == (Try(Checked.WRONG, 4), Try(Checked.RIGHT))


def test_codes_are_not_sent_too_often(run, clock):
    async def body(store):
        first = await send(store)
        clock.forward(seconds=59)
        soon = await send(store)
        for _ in range(4):
            clock.forward(seconds=60)
            assert isinstance(await send(store), NewCode)
        clock.forward(seconds=61)
        sixth = await send(store)
        clock.now = NOW + timedelta(hours=1)
        hour_later = await send(store)
        return first, soon, sixth, hour_later

    first, soon, sixth, hour_later = run(body)
    assert isinstance(first, NewCode)
    assert (soon, sixth) == (NotYet(NOW + timedelta(seconds=60)), NotYet(NOW + timedelta(hours=1)))
    assert isinstance(hour_later, NewCode)


def test_a_number_gets_ten_codes_a_day_whoever_asks(run, clock):
    async def body(store):
        sent = [await send(store, subject=f"case_{number}") for number in range(11)]
        clock.forward(days=1)
        return sent, await send(store, subject="case_next")

    sent, next_day = run(body)
    assert Counter(type(each).__name__ for each in sent) == {"NewCode": 10, "NotYet": 1}
    assert sent[10] == NotYet(NOW + timedelta(days=1))
    assert isinstance(next_day, NewCode)


def test_what_is_no_code_is_a_wrong_try(run, clock):
    entered = ["", "12345", "1234567", "١٢٣٤٥٦", "0x1234", "-", "é" * 50, "\0"]

    async def body(store):
        found = []
        for number, given in enumerate(entered):
            case, phone = f"case_{number}", f"+4179123456{number}"
            await store.write(lambda tx, case=case, phone=phone: issue(tx, case, PHONE, phone, random=bytes))
            found.append(await enter(store, given, case, destination=phone))
        return found

    assert run(body) == [Try(Checked.WRONG, 4)] * len(entered)


def test_nothing_of_a_code_or_number_lies_in_the_database(run, clock):
    async def body(store):
        sent = await send(store)
        rows = await store.read(lambda c: repr(c.execute(text("SELECT * FROM codes")).all()))
        await enter(store, sent.text)
        await store.write(lambda tx: erase_codes(tx, "case_1"))
        left = await store.read(lambda c: c.execute(text("SELECT count(*) FROM codes")).scalar())
        return sent.text, rows, left

    code, rows, left = run(body)
    assert [word for word in (f"'{code}'", code.encode().hex(), NUMBER, NUMBER[1:]) if word in rows] == []
    assert left == 0


def test_old_codes_are_forgotten_but_not_those_that_count(run, clock):
    async def body(store):
        await send(store)
        clock.forward(days=2)
        with pytest.raises(ValueError, match="count for the limits"):
            await store.write(lambda tx: forget_codes(tx, clock()))
        return await store.write(lambda tx: forget_codes(tx, clock() - timedelta(days=1)))

    assert run(body) == 1


def test_digits_are_drawn_without_a_preference():
    drawn = iter([(4_294_000_000).to_bytes(4, "big"), (4_293_999_999).to_bytes(4, "big"), bytes(4)])
    assert [six_digits(lambda count: next(drawn)), six_digits(lambda count: next(drawn))] == ["999999", "000000"]
