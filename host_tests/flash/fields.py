"""The objects of --json, as docs/flashing.md has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tools.paths import ROOT

EACH = {"state", "text", "at_s"}
ROW = re.compile(r"^\| `([\w`, ]+)`(?: on a? ?(\w+))? \|(.*)\|$", re.MULTILINE)


def check(states: Iterable[dict[str, Any]]) -> None:
    """Each has the fields that are documented, and no others."""
    fields = documented()
    for state in states:
        assert set(state) - EACH == fields[state["state"], state.get("interface", "")], state
        for name, value in state.items():
            if name in ("address", "dev_id"):
                assert re.fullmatch("0x[0-9A-F]+", value), state


def documented() -> dict[tuple[str, str], set[str]]:
    """Of a state, and of the interface if the state has one."""
    text = (ROOT / "docs" / "flashing.md").read_text()
    section = text.partition("## For scripts")[2].partition("\n## ")[0]
    return {
        (state, interface): set(re.findall("`([a-z_]+)`", re.sub(r"\([^)]*\)", "", fields)))
        for states, interface, fields in ROW.findall(section)
        for state in states.split("`, `")
    }
