"""The screening server, one for all tests of the client."""

import pytest

from tests.service import made_site, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    with serving(made_site(tmp_path_factory.mktemp("client") / "site")) as running:
        yield running
