"""Imports point down the storeys: no upward, late or circular import."""

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "kycrisk").rglob("*.py"))


def test_no_import_points_up_and_no_cycle(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    # It would switch off every logger of this process, for all tests that come after.
    monkeypatch.setattr("importlinter.cli.logging_config.dictConfig", lambda config: None)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_is_late(path):
    """Only the command line imports late: `kycrisk --help` must be quick."""
    if "cli" in path.parts:
        return
    late = [
        f"{path.name}:{inner.lineno}"
        for outer in ast.walk(ast.parse(path.read_text()))
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(outer)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert late == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_room_is_too_large(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    functions = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno > 60] == []
