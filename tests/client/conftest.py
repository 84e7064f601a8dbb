"""The screening server."""

import pytest


@pytest.fixture
def service(screening_server):
    return screening_server
