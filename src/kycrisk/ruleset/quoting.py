"""Which quotes a text in a rule file needs."""

from __future__ import annotations

from kycrisk.ruleset.nodes import ScalarNode
from kycrisk.ruleset.scalars import plain_meaning


def requoted(text: str, node: ScalarNode) -> str | None:
    """A quoted text on one line without quotes where it needs none, else in double quotes where those need no escape.

    None where it stays as it is.
    """
    if node.style not in ("'", '"') or not node.style or "\n" in text[node.start : node.end]:
        return None
    value = node.text
    if _is_plain(value):
        return value
    return f'"{value}"' if node.style == "'" and value.isprintable() and not set('"\\') & set(value) else None


def _is_plain(value: str) -> bool:
    """Whether a text means itself without quotes to every YAML reader."""
    if not value.isprintable() or value != value.strip() or not value[:1].isalnum():
        return False
    return ": " not in value and " #" not in value and value[-1] != ":" and plain_meaning(value) == value
