"""Where rules and data lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from kycrisk import shipped as module
from kycrisk.shipped import shipped


def test_in_a_checkout_they_are_at_the_root() -> None:
    assert shipped("data/feeds.yaml").is_file()
    assert shipped("data/lists/mail_provider.txt").is_file()


def test_in_a_wheel_they_are_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shipped" / "rules").mkdir(parents=True)
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    assert shipped("rules/policy.yaml") == tmp_path / "shipped" / "rules" / "policy.yaml"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "data/../../secret"])
def test_nothing_outside_can_be_named(path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside the shipped folders"):
        shipped(path)
