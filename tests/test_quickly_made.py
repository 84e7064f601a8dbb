"""Frozen dataclasses that are quickly made differ from others in nothing but speed."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from kycrisk.quickly_made import quickly_made


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    sizes: list[int] = field(default_factory=list)
    tag: str = "none"
    loud: bool = field(default=False, kw_only=True)


@quickly_made
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    sizes: list[int] = field(default_factory=list)
    tag: str = "none"
    loud: bool = field(default=False, kw_only=True)


@pytest.mark.parametrize(
    ("given", "named", "shown"),
    [
        pytest.param(("a",), {}, "(name='a', sizes=[], tag='none', loud=False)", id="defaults"),
        pytest.param(("a", [1], "b"), {"loud": True}, "(name='a', sizes=[1], tag='b', loud=True)", id="all"),
        pytest.param((), {"tag": "b", "name": "a"}, "(name='a', sizes=[], tag='b', loud=False)", id="by name"),
    ],
)
def test_it_is_made_as_any_other(given, named, shown):
    assert repr(Quick(*given, **named)) == f"Quick{shown}"
    assert repr(Plain(*given, **named)) == f"Plain{shown}"


@pytest.mark.parametrize("kind", [Plain, Quick])
@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param((), {}, id="one missing"),
        pytest.param(("a", [], "b", True), {}, id="by place what goes by name"),
        pytest.param(("a",), {"colour": 1}, id="one too many"),
    ],
)
def test_it_refuses_what_any_other_refuses(kind, given, named):
    with pytest.raises(TypeError):
        kind(*given, **named)


def test_it_is_what_it_says_and_stays_frozen():
    one, other = Quick("a"), Quick("a")
    assert (type(one), one == other, one is other) == (Quick, True, False)
    assert one.sizes is not other.sizes
    with pytest.raises(FrozenInstanceError):
        one.name = "b"
    with pytest.raises(FrozenInstanceError):
        del one.name


def test_it_can_be_copied_replaced_and_pickled():
    one = Quick("a", [1], loud=True)
    assert replace(one, tag="b") == Quick("a", [1], "b", loud=True)
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


@quickly_made
@dataclass(frozen=True, slots=True)
class Checked:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("less than nothing")


def test_what_must_hold_is_checked():
    assert Checked(1).size == 1
    with pytest.raises(ValueError, match="less than nothing"):
        Checked(-1)
