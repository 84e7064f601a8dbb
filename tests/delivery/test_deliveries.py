"""From the decision to the receiver: what is sent, what its answers come to, and what is done about dead letters."""

import json
import ssl
from datetime import timedelta

import pytest
import trustme

from kycrisk.store.deliveries import Claim, Settled, State
from kycrisk.store.failure import Conflict, NotFound
from tests.delivery.conftest import hook
from tests.delivery.receiver import receiving

TOR = {"ip.tor_exit": True}


def test_a_decision_is_sent_as_it_was_stored(deliver, receiver):
    async def body(site):
        id_ = await site.decide()
        kept = await site.store.decisions.get(id_)
        first, second = await site.courier.round(), await site.courier.round()
        return id_, kept.body, first, second, await site.all()

    id_, kept, first, second, [delivery] = deliver(body, hook(receiver.url))
    [request] = receiver.received
    assert (first, second) == (1, 0)
    assert (request.id, request.headers["content-type"]) == (f"msg_created_{id_}", "application/json")
    assert request.body == (
        b'{"type":"decision.created","timestamp":"2026-11-25T12:00:00Z","data":{"decision":' + kept + b"}}"
    )
    assert (delivery.state, delivery.attempts, delivery.status) == (State.DELIVERED, 1, 204)


def test_a_changed_outcome_is_told_with_the_one_before(deliver, receiver):
    async def body(site):
        facts = ({}, TOR, TOR, {"ip.blocklisted": True})
        ids = [await site.decide(ip=f"192.0.2.{number}", **given) for number, given in enumerate(facts)]
        await site.decide("a-2", ip="192.0.2.9", **TOR)
        await site.courier.round()
        return ids

    first, second, third, fourth = deliver(body, hook(receiver.url, events=frozenset({"account.outcome_changed"})))
    told = [json.loads(request.body) for request in receiver.received]
    changes = {each["data"]["decision"]["id"]: each["data"]["before"] for each in told}
    assert changes == {second: {"id": first, "outcome": "allow"}, fourth: {"id": third, "outcome": "review"}}
    assert {request.id for request in receiver.received} == {f"msg_changed_{second}", f"msg_changed_{fourth}"}


def test_only_what_an_endpoint_wants_is_sent_to_it(deliver):
    async def body(site):
        await site.decide()
        await site.decide(**TOR)
        await site.courier.round()

    with receiving() as created, receiving() as changed, receiving() as both:
        deliver(
            body,
            hook(created.url, events=frozenset({"decision.created"})),
            hook(changed.url, events=frozenset({"account.outcome_changed"})),
            hook(both.url),
        )
        counts = [len(each.received) for each in (created, changed, both)]
    assert counts == [2, 1, 3]


@pytest.mark.parametrize(
    ("answer", "state", "status", "seconds"),
    [
        pytest.param(200, State.DELIVERED, 200, None, id="ok"),
        pytest.param(202, State.DELIVERED, 202, None, id="accepted"),
        pytest.param((200, {"Content-Type": "image/png"}), State.DELIVERED, 200, None, id="an-answer-of-any-kind"),
        pytest.param((200, {"Content-Encoding": "br"}), State.DELIVERED, 200, None, id="a-packed-answer"),
        pytest.param(500, State.WAITING, 500, 5, id="broken"),
        pytest.param(503, State.WAITING, 503, 5, id="unavailable"),
        pytest.param((503, {"Retry-After": "60"}), State.WAITING, 503, 60, id="unavailable-for-a-minute"),
        pytest.param((429, {"Retry-After": "600"}), State.WAITING, 429, 600, id="too-many"),
        pytest.param(
            (429, {"Retry-After": "Wed, 25 Nov 2026 12:02:00 GMT"}), State.WAITING, 429, 120, id="too-many-until"
        ),
        pytest.param(400, State.WAITING, 400, 5, id="not-understood"),
        pytest.param(404, State.WAITING, 404, 5, id="not-there"),
        pytest.param((302, {"Location": "/elsewhere"}), State.WAITING, 302, 5, id="redirected"),
        pytest.param("cut", State.WAITING, None, 5, id="cut-off"),
        pytest.param("hang", State.WAITING, None, 5, id="hanging"),
    ],
)
def test_what_answers_come_to(deliver, receiver, clock, answer, state, status, seconds):
    receiver.otherwise = answer

    async def body(site):
        await site.decide()
        await site.courier.round()
        return await site.all()

    patience = timedelta(milliseconds=300) if answer == "hang" else timedelta(seconds=20)
    [delivery] = deliver(body, hook(receiver.url, timeout=patience))
    assert (delivery.state, delivery.status) == (state, status)
    assert len(receiver.received) == 1  # a redirect is not followed, a broken connection is not tried again at once
    if seconds is not None:
        assert delivery.due_at == clock.now + timedelta(seconds=seconds)


def test_an_attempt_has_the_same_id_and_body_and_its_own_moment(deliver, receiver, clock):
    receiver.answers = [500, 500]

    async def body(site):
        await site.decide()
        for _ in range(4):
            await site.courier.round()
            clock.forward(minutes=1)
        return await site.all()

    [delivery] = deliver(body, hook(receiver.url))
    first, second, third = receiver.received
    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    moments = [int(each.headers["webhook-timestamp"]) for each in receiver.received]
    assert [each - moments[0] for each in moments] == [0, 60, 120]
    assert len({each.headers["webhook-signature"] for each in receiver.received}) == 3
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 3)


def test_a_dead_letter_and_its_replay(deliver, receiver, clock):
    receiver.otherwise = 500

    async def body(site):
        await site.decide()
        began, delivery = clock.now, (await site.all())[0]
        while delivery.state is State.WAITING:
            clock.now = max(clock.now, delivery.due_at)
            await site.courier.round()
            delivery = await site.store.deliveries.get(delivery.id)
        died = clock.now - began
        listed = (await site.store.deliveries.page(state=State.DEAD)).items
        depths = [(each.state, each.count) for each in await site.store.deliveries.depths()]
        clock.forward(days=2)
        assert await site.courier.round() == 0  # it is given up
        receiver.otherwise = 200
        await site.store.deliveries.replay(delivery.id, "kim")
        await site.courier.round()
        with pytest.raises(Conflict):
            await site.store.deliveries.replay(delivery.id, "kim")
        with pytest.raises(NotFound):
            await site.store.deliveries.replay(999, "kim")
        return delivery, died, listed, depths, await site.store.deliveries.get(delivery.id)

    dead, died, listed, depths, replayed = deliver(body, hook(receiver.url))
    assert timedelta(days=3) <= died <= timedelta(days=3, hours=6)
    assert (dead.state, dead.attempts, dead.status) == (State.DEAD, len(receiver.received) - 1, 500)
    assert [each.id for each in listed] == [dead.id]
    assert depths == [(State.DEAD, 1)]
    assert (replayed.state, replayed.attempts) == (State.DELIVERED, 1)
    assert len({request.id for request in receiver.received}) == 1


def test_an_endpoint_that_is_gone_gets_nothing_until_it_is_enabled(deliver, receiver, clock):
    receiver.answers = [410]

    async def body(site):
        await site.decide()
        await site.courier.round()
        await site.decide(**TOR)
        clock.forward(days=30)
        idle = await site.courier.round()
        waiting = [each.state for each in await site.all()]
        disabled = await site.store.deliveries.disabled()
        enabled = await site.store.deliveries.enable(site.endpoints[0].id, "kim")
        return idle, waiting, disabled, enabled, await site.courier.round(), [e.state for e in await site.all()]

    idle, waiting, [disabled], enabled, sent, states = deliver(body, hook(receiver.url))
    assert (idle, enabled, sent) == (0, True, 3)
    assert waiting == [State.WAITING] * 3
    assert disabled.why == "the endpoint answers that it is gone (410)"
    assert states == [State.DELIVERED] * 3


def test_a_private_address_is_refused(deliver, receiver):
    async def body(site):
        await site.decide()
        await site.courier.round()
        return await site.all()

    [delivery] = deliver(body, hook(receiver.url, allow_private=False))
    assert (delivery.state, delivery.error) == (State.WAITING, "`127.0.0.1` is at a loopback address")
    assert receiver.received == []


def test_a_certificate_that_nobody_vouches_for(deliver):
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def body(site):
        await site.decide()
        await site.courier.round()
        return [(each.state, each.error) for each in await site.all()]

    with receiving(served) as receiver:
        refused = deliver(body, hook(receiver.url))
        before = len(receiver.received)
        trusted = deliver(body, hook(receiver.url), tls=trusting)
    assert (refused[0], before) == ((State.WAITING, "the server cannot be reached"), 0)
    assert trusted[-1] == (State.DELIVERED, "")


def test_a_hanging_endpoint_holds_up_no_other(deliver, clock):
    async def body(site):
        for number in range(20):
            await site.decide(f"a-{number}")
        await site.courier.round()
        return [each.state for each in await site.all()]

    with receiving() as hanging, receiving() as quick:
        hanging.otherwise = "hang"
        soon = timedelta(milliseconds=300)
        states = deliver(body, hook(hanging.url, timeout=soon), hook(quick.url))
        assert len(quick.received) == 20
    assert states.count(State.DELIVERED) == states.count(State.WAITING) == 20


def test_what_is_claimed_is_left_alone_until_its_lease_is_over(deliver, receiver, clock):
    async def body(site):
        await site.decide()
        claim = Claim(site.endpoints[0].id, 10, timedelta(minutes=2))
        [mine] = await site.store.deliveries.claim(claim)
        alone = await site.courier.round()
        clock.forward(minutes=2)
        taken_over = await site.courier.round()
        late = await site.store.deliveries.settle(Settled(delivery=mine.delivery, state=State.DEAD))
        return alone, taken_over, late, await site.all()

    alone, taken_over, late, [delivery] = deliver(body, hook(receiver.url))
    assert (alone, taken_over, late) == (0, 1, False)
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 2)


def test_what_was_erased_is_not_sent(deliver, receiver):
    async def body(site):
        await site.decide("a-1")
        await site.decide("a-2")
        await site.store.personal_data.erase("a-1", "kim", "asked for it")
        await site.courier.round()
        return [each.state for each in await site.all()]

    assert deliver(body, hook(receiver.url)) == [State.ERASED, State.DELIVERED]
    assert len(receiver.received) == 1


def test_what_has_no_endpoint_any_more_is_given_up_and_what_ended_is_forgotten(deliver, receiver, clock):
    async def of_before(site):
        await site.decide()

    async def body(site):
        await site.decide()
        await site.courier.round()
        clock.forward(days=3, seconds=1)
        await site.courier.tidy()
        states = {each.state: each.error for each in await site.all()}
        clock.forward(days=7)
        await site.courier.tidy()
        return states, [each.state for each in await site.all()]

    deliver(of_before, hook(receiver.url + "/before"))
    states, left = deliver(body, hook(receiver.url))
    assert states == {State.DEAD: "its endpoint does not stand in the settings any more", State.DELIVERED: ""}
    assert left == [State.DEAD]
    assert [request.path for request in receiver.received] == ["/hook"]


def test_no_delivery_without_its_decision(deliver, receiver):
    async def body(site):
        first = await site.decide()
        with pytest.raises(Conflict):
            await site.store.decisions.add(site.make.screening("a-2", id=first, also=site.outbox))
        return await site.all()

    assert [each.decision for each in deliver(body, hook(receiver.url))] == ["dec_00000001"]


def test_what_was_not_sent_when_it_stops_is_given_back(deliver, receiver, clock):
    async def body(site):
        for number in range(3):
            await site.decide(f"a-{number}")
        site.courier.stop()
        await site.courier.round()
        await site.courier.run()  # ends at once
        return await site.all()

    given_back = deliver(body, hook(receiver.url))
    assert [(each.state, each.attempts, each.first_at) for each in given_back] == [(State.WAITING, 0, None)] * 3
    assert {each.due_at for each in given_back} == {clock.now}
    assert receiver.received == []
