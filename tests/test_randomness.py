"""Random bytes are never given out twice, in no thread and no process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from kycrisk.randomness import random_bytes


@pytest.mark.parametrize("count", [pytest.param(0, id="none"), 1, 10, 4096, pytest.param(5000, id="more than a draw")])
def test_it_gives_as_many_as_are_asked_for(count):
    assert len(random_bytes(count)) == count


def test_no_bytes_come_twice():
    drawn = [random_bytes(10) for _ in range(2000)]
    with ThreadPoolExecutor(4) as threads:
        drawn += threads.map(lambda _: random_bytes(10), range(2000))
    assert len(set(drawn)) == 4000


def test_a_forked_process_draws_its_own():
    random_bytes(10)  # so that there is something left of a draw
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100) != random_bytes(16)
    os.close(reading)
    os.close(writing)
