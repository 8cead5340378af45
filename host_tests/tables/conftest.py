"""The oracles, or a skip that says why they are not there."""

from __future__ import annotations

import os

import pytest

from host_tests.tables.oracles import Oracles, fetch


@pytest.fixture(scope="session")
def oracles() -> Oracles:
    """Public chip data; the test is skipped where pip cannot fetch it, unless CI is set."""
    try:
        return Oracles()
    except fetch.UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
