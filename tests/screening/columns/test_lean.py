"""Screening one signup needs no Polars: the batch is an extra."""

import subprocess
import sys

CODE = """
import sys
import kycrisk.cli.app, kycrisk.screening.screener, kycrisk.screening.batch
assert "polars" not in sys.modules, sorted(name for name in sys.modules if name.startswith("kycrisk"))
"""


def test_the_default_way_does_not_load_polars():
    subprocess.run([sys.executable, "-c", CODE], check=True)
