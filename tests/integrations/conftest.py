"""The screening server, PHP for those that need it, and an integration laid into its panel."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "integrations"
SHIMS = Path(__file__).resolve().parent / "shims"
NO_PHP = (
    "php with its curl extension is not installed, so the WHMCS, FOSSBilling and Paymenter integrations were not run "
    "(Debian: apt-get install php-cli php-curl)"
)


@pytest.fixture
def service(screening_server):
    return screening_server


@pytest.fixture(scope="session")
def php():
    """Runs a shim on a scenario, and gives what it recorded. With KYCRISK_REQUIRE_PHP, skipping is a failure."""
    found = shutil.which("php")
    if found is None or "curl" not in subprocess.run([found, "-m"], capture_output=True, text=True).stdout.split():
        (pytest.fail if os.environ.get("KYCRISK_REQUIRE_PHP") else pytest.skip)(NO_PHP)

    def run(shim, argument, scenario):
        command = [found, "-d", "zend.assertions=1", "-d", "display_errors=stderr", str(SHIMS / shim), str(argument)]
        done = subprocess.run(command, input=json.dumps(scenario), capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
        return json.loads(done.stdout)

    return run


@pytest.fixture
def panel(tmp_path):
    """A copy of an integration's tree, as it is laid into the panel's."""

    def copied(name):
        return shutil.copytree(ROOT / name, tmp_path / name)

    return copied
