"""The boards against the project's collection of facts, which is not part of the repository.

It lies beside the checkout, as shared/reference, or where ROMBOOT_REFERENCE says.
"""

from __future__ import annotations

import json

import pytest

from host_tests.conftest import REFERENCE
from tools import boards
from tools.bench import boardfile

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("name", boards.on_bench())
def test_buttons_are_not_pressed(name: str) -> None:
    """One that is low while pressed needs a pull-up, if not that of the chip."""
    facts = json.loads((REFERENCE / "boards.json").read_text())["boards"][name]["button"]
    external = facts and facts["pressed"] == 0 and facts["pull"] in ("GPIO_NOPULL", "0")
    assert boardfile.load(name).pulled_up == ((facts["pin"],) if external else ())
