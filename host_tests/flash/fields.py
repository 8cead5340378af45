"""The objects of --json, as docs/flashing.md has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tools.paths import ROOT

EACH = {"state", "text", "at_s"}
ROW = re.compile(
    r"^\| `(\w+(?:`, `\w+)*)`(?: on a? ?(\w+))?,?(?: of `romboot (\w+)`)? \|(.*)\|$", re.MULTILINE
)


def check(states: Iterable[dict[str, Any]], command: str = "") -> None:
    """Each has the fields that are documented, and no others."""
    fields = documented()
    for state in states:
        which = state["state"], state.get("interface", "")
        assert set(state) - EACH == fields.get((*which, command), fields.get((*which, ""))), state
        for name, value in state.items():
            if name in ("address", "dev_id"):
                assert re.fullmatch("0x[0-9A-F]+", value), state


def documented() -> dict[tuple[str, str, str], set[str]]:
    """Of a state; of the interface if the state has one; of the command, if not of each."""
    text = (ROOT / "docs" / "flashing.md").read_text()
    section = text.partition("## For scripts")[2].partition("\n## ")[0]
    return {
        (state, interface, command): set(
            re.findall("`([a-z_]+)`", re.sub(r"\([^)]*\)", "", fields))
        )
        for states, interface, command, fields in ROW.findall(section)
        for state in states.split("`, `")
    }
