"""docs/verification-rows.md from the marks of the tests and the demo. `python -m tests.procedures.table --write`

The demo runs first: a row that is not fulfilled ends it, and nothing is written.
"""

import ast
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

from tests.procedures.rows import ROWS, SAYS
from tests.procedures.walk import walk_all

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "verification-rows.md"
HEAD = """\
# The rows of four procedures

What four providers say of their verification, how it is shown here, and which tests prove it. `make demo-kyc` walks all
rows through a service, a billing panel, a mail server and an identity provider that run here, and fails when one
is not fulfilled. S is SpaceCore, B is StackBill, H is HOSTKEY, Q is Binance as qPilot describes it.

This page is written by `python -m tests.procedures.table --write`.

| row | the procedure says | the demo shows | result | tests |
|---|---|---|---|---|
"""


@cache
def marked():
    """Rows, with the tests that are marked with them, as `file::test`."""
    found = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                for decorator in function.decorator_list:
                    for id_ in rows_of(decorator):
                        found[id_].add(f"{path.relative_to(ROOT / 'tests')}::{function.name}")
    return found


def rows_of(decorator):
    """The rows that stand in a decorator, marks of single parameters included."""
    return [
        argument.value
        for call in ast.walk(decorator)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.row"
        for argument in call.args
    ]


def walked():
    """Rows, with the words that the demo says of them."""
    return {
        call.args[0].value: call.args[1].value
        for path in sorted(Path(__file__).parent.glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "row" and len(call.args) == 3
    }


def table(fulfilled):
    """The page, when these rows were fulfilled by the demo."""
    tests, words = marked(), walked()
    lines = [
        f"| {id_} | {SAYS[id_]} | {words[id_]} | {'fulfilled' if id_ in fulfilled else 'missing'} "
        f"| {', '.join(f'`{each}`' for each in sorted(tests[id_]))} |"
        for id_ in ROWS
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = table(walk_all().fulfilled)
    if "--write" in sys.argv:
        PAGE.write_text(page)
    else:
        print(page, end="")
