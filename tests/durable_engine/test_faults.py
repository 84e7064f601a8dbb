"""Whatever the worker or the library does, every signup gets the default engine's answer, in time, and is told why."""

import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from kycrisk.durable_engine import process
from kycrisk.durable_engine.engine import AWAY, CONFUSED, CRASHED, DIFFERED, DURABLE, LATE, DurableEngine
from kycrisk.durable_engine.post import NobodyThere, Post
from kycrisk.durable_engine.process import Worker, WorkerGone, WorkerLate, WorkerMissing
from kycrisk.outcome import AtLeast, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import Compare, Literal, SignalRef
from kycrisk.ruleset.durable import make_nets
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.signals import Type
from tests.durable_engine.library import needs_durable_rules
from tests.ruleset.strategies import SIGNALS, rule

pytestmark = needs_durable_rules

A, X = SignalRef("bool.a", Type.BOOL), SignalRef("int.x", Type.INT)
RULESET = Ruleset(
    policy=Policy(bands=((40, Outcome.REVIEW), (70, Outcome.VERIFY))),
    rules=(
        rule(0, A, AtLeast(Outcome.VERIFY), IfUnknown.REVIEW),
        rule(1, Compare(">", X, Literal(2, Type.INT)), Score(45), IfUnknown.MISS),
    ),
    version="sha256:test",
    signals=SIGNALS,
)
COMPILED = compile_ruleset(RULESET)
BAD = {"bool.a": True, "int.x": 3}
EVIDENCE = [BAD, {"bool.a": False, "int.x": 0}, {"int.x": 3}, {}]
SLOW = 30.0  # a deadline that a busy machine keeps
#: What a busy machine may take beside waiting: killing, switching processes, the default engine.
BESIDE = 1.0


@pytest.fixture
def engine():
    with closing(DurableEngine(COMPILED, deadline=SLOW)) as opened:
        yield opened


def judged_as_always(engine, known):
    """The engine's judgement, which must be the default engine's; and who made it."""
    found = engine.judge(known)
    assert found.verdict == COMPILED.verdict(known)
    return found.made_by


def asked_in_a_thread(engine, known):
    """A thread that is waiting for the worker's answer, and where it will be."""
    told = []
    thread = threading.Thread(target=lambda: told.append(engine.judge(known)))
    thread.start()
    while not engine.post.busy:
        time.sleep(0)
    return thread, told


def test_it_decides_while_it_can(engine):
    assert [judged_as_always(engine, known) for known in EVIDENCE] == [DURABLE] * 4


def test_killed_in_mid_decision(engine):
    os.kill(engine.post.pid, signal.SIGSTOP)  # so that it certainly has not answered yet
    thread, told = asked_in_a_thread(engine, BAD)
    os.kill(engine.post.pid, signal.SIGKILL)
    thread.join()
    assert told == [(COMPILED.verdict(BAD), (), CRASHED)]
    assert told[0].verdict.outcome is Outcome.VERIFY
    assert (CRASHED.engine, CRASHED.after) == ("generated", "durable crashed")


def test_killed_between_decisions_and_followed_by_another(engine):
    first = engine.post.pid
    os.kill(first, signal.SIGKILL)
    assert judged_as_always(engine, BAD) is CRASHED
    assert engine.post.wait_manned(SLOW)
    assert engine.post.pid != first
    assert judged_as_always(engine, BAD) is DURABLE


@pytest.mark.by_the_clock
def test_hung_is_late_once_and_then_away():
    with closing(DurableEngine(COMPILED, deadline=0.2)) as engine:
        hung = engine.post.pid
        os.kill(hung, signal.SIGSTOP)
        began = time.monotonic()
        assert judged_as_always(engine, BAD) is LATE
        assert 0.1 <= time.monotonic() - began < 0.2 + BESIDE
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        assert engine.post.wait_manned(SLOW)


def test_while_the_next_one_starts_nobody_waits():
    with closing(DurableEngine(COMPILED, deadline=SLOW)) as engine:
        os.kill(engine.post.pid, signal.SIGKILL)
        made = [judged_as_always(engine, BAD)]
        began = time.monotonic()
        while not engine.post.wait_manned(0):
            made.append(judged_as_always(engine, BAD))
        assert time.monotonic() - began < SLOW
        assert set(made[1:-1]) <= {AWAY}
        assert made[0] is CRASHED


@pytest.mark.by_the_clock
def test_many_threads_lose_no_signup_while_workers_die():
    found, wanted = [], COMPILED.verdict(BAD)
    with closing(DurableEngine(COMPILED, deadline=0.5)) as engine:

        def ask():
            for _ in range(100):
                began = time.monotonic()
                judged = engine.judge(BAD)
                found.append((judged.verdict == wanted, judged.made_by, time.monotonic() - began))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for sign in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL):
            if engine.post.wait_manned(SLOW) and (pid := engine.post.pid):
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:  # another fault was faster
                    continue
        for thread in threads:
            thread.join()
    assert len(found) == 400
    assert all(same for same, _, _ in found)
    assert {made_by for _, made_by, _ in found} <= {DURABLE, CRASHED, LATE, AWAY}
    assert max(took for _, _, took in found) < 0.5 + BESIDE


# What breaks the library, put past the compiler that keeps it away: net definitions as no ruleset comes to.
ALWAYS = {"always": {"k": 1}}
POISON = {
    "an integer divided by zero kills it": (
        {**ALWAYS, "0.0": {"$gt": {"f0": {"$div": {"$l": {"$m": "k"}, "$r": 0}}}}},
        CRASHED,
    ),
    "more than 64 matching at once are an error": (
        {**ALWAYS, **{f"{index}.0": {"$gte": {"k": -index}} for index in range(100)}},
        CRASHED,
    ),
    "a fact that fires no rule": ({"always": {"k": 2}}, CRASHED),
    "another rule fires than should": ({**ALWAYS, "1.0": {"f0": True}}, DIFFERED),
    "no rule fires": (ALWAYS, DIFFERED),
    "a rule fires that is not there": ({**ALWAYS, "7.0": {"k": 1}}, CONFUSED),
    "a flag that equals a number, a number that equals a text": (
        {**ALWAYS, "0.0": {"f0": 1}, "1.0": {"f1": "1"}},
        DIFFERED,
    ),
}


@pytest.mark.parametrize(("net", "made_by"), POISON.values(), ids=POISON)
def test_poison_costs_nothing_but_the_worker(net, made_by):
    nets = make_nets(RULESET.rules)
    poisoned = replace(nets, definitions={**nets.definitions, "s0": net})
    with closing(DurableEngine(COMPILED, deadline=SLOW, nets=poisoned)) as engine:
        pid = engine.post.pid
        assert judged_as_always(engine, {"bool.a": True, "int.x": 1}) is made_by
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_nets_that_load_for_ever_leave_the_default_engine():
    siblings = {**ALWAYS, **{f"{index}.0": {"f0": index} for index in range(600)}}
    nets = replace(make_nets(RULESET.rules), definitions={"s0": siblings})
    with closing(DurableEngine(COMPILED, patience=0.5, nets=nets)) as engine:
        assert [judged_as_always(engine, known) for known in EVIDENCE] == [AWAY] * 4


def test_nets_that_the_library_refuses_leave_the_default_engine():
    identical = {**ALWAYS, **{f"{index}.0": {"f0": True} for index in range(300)}}
    nets = replace(make_nets(RULESET.rules), definitions={"s0": identical})
    with closing(DurableEngine(COMPILED, nets=nets)) as engine:
        assert judged_as_always(engine, BAD) is AWAY


def test_a_system_without_a_process_to_give_leaves_the_default_engine(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(process.sys, "executable", "/nonexistent")
        engine = DurableEngine(COMPILED, deadline=SLOW)
        with closing(engine):
            assert [judged_as_always(engine, known) for known in EVIDENCE] == [AWAY] * 4


def test_a_worker_is_relieved_after_so_many_signups():
    nets = make_nets(RULESET.rules)
    asserted = nets.assertions(BAD)
    with closing(Post(nets.definitions, patience=SLOW, most_signups=3)) as post:
        post.open()
        pids = set()
        until = time.monotonic() + SLOW
        while len(pids) < 3 and time.monotonic() < until:
            pids.add(post.pid)
            assert nets.findings(asserted, post.fired(asserted, SLOW)) == ([0, 1], [])
        assert len(pids) == 3


def test_a_closed_engine_still_decides(engine):
    engine.close()
    engine.close()
    assert judged_as_always(engine, BAD) is AWAY


def test_an_engine_that_is_forgotten_leaves_no_process():
    engine = DurableEngine(COMPILED)
    pid = engine.post.pid
    del engine
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_ends_with_whoever_asks_it():
    worker = Worker(make_nets(RULESET.rules).definitions)
    try:
        worker.wait_ready(SLOW)
        worker._socket.close()
        assert worker.process.wait(SLOW) == 0
    finally:
        worker.stop()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_after_a_fork_each_process_has_its_own_worker(engine):
    parents = engine.post.pid
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:  # nothing may leave this branch but by _exit
        try:
            first = engine.judge(BAD).made_by
            manned = engine.post.wait_manned(SLOW)
            second = engine.judge(BAD).made_by
            own = engine.post.pid != parents
            engine.close()
            os.write(theirs, repr((first == AWAY, manned, second == DURABLE, own)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 1000) == b"(True, True, True, True)"
    os.close(ours)
    os.close(theirs)
    assert (judged_as_always(engine, BAD), engine.post.pid) == (DURABLE, parents)


def test_a_library_that_cannot_be_imported_is_told_at_the_start(tmp_path, monkeypatch):
    (tmp_path / "durable").mkdir()
    (tmp_path / "durable" / "__init__.py").write_text("raise ImportError('undefined symbol: PyEval_CallObject')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(WorkerMissing) as raised:
        DurableEngine(COMPILED)
    assert str(raised.value) == "undefined symbol: PyEval_CallObject"


ANSWERS = {
    "to another question": (b'{"number": 7, "fired": [["always"]]}', "the worker's answer is not one to the question"),
    "not names": (b'{"number": 1, "fired": [[1]]}', "the worker's answer is not one to the question"),
    "not JSON": (b"{", "the worker's answer is not JSON"),
    "not text": (b"\xff\xfe", "the worker's answer is not JSON"),
}
ECHO = """
import socket, sys
ours = socket.socket(fileno=int(sys.argv[1]))
ours.recv(65536)
answer = bytes.fromhex(sys.argv[0].rpartition("-")[2].removesuffix(".py"))
ours.sendall(len(answer).to_bytes(4, "big") + answer)
"""


@pytest.mark.parametrize(("answer", "message"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none_is_the_workers_end(answer, message, tmp_path, monkeypatch):
    script = tmp_path / f"worker-{answer.hex()}.py"
    script.write_text(ECHO)
    monkeypatch.setattr(process, "WORKER", script)
    worker = Worker({})
    try:
        with pytest.raises(WorkerGone) as raised:
            worker.fired([], SLOW)
        assert str(raised.value) == message
    finally:
        worker.stop()


def test_an_announced_length_is_not_believed(tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(
        "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.recv(65536); s.sendall(b'\\xff' * 4)"
    )
    monkeypatch.setattr(process, "WORKER", script)
    worker = Worker({})
    try:
        with pytest.raises(WorkerGone, match="announced an answer of 4294967295 bytes"):
            worker.fired([], SLOW)
    finally:
        worker.stop()


def test_the_failures_that_a_post_tells_apart():
    nets = make_nets(RULESET.rules)
    asserted = nets.assertions(BAD)
    with closing(Post(nets.definitions, patience=SLOW)) as post:
        with pytest.raises(NobodyThere):
            post.fired(asserted, SLOW)
        post.open()
        os.kill(post.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLate):
            post.fired(asserted, 0.2)
        assert post.wait_manned(SLOW)
        os.kill(post.pid, signal.SIGKILL)
        with pytest.raises(WorkerGone):
            post.fired(asserted, SLOW)
