"""The report of `romboot prove` as a file. docs/silicon/README.md explains it to people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORM = 1  # a report of another form is not read

TEXT = r"[^\n]+"
HEX = "0x[0-9A-F]{{{}}}"
FIELDS = {
    "date": r"\d{4}-\d\d-\d\d",
    "romboot": r"[\w.+-]+",
    "system": r"\w+",
    "board.build": r"[\w.-]*",
    "board.machine": TEXT,
    "board.micropython": TEXT,
    "chip.name": TEXT,
    "chip.dev_id": HEX.format(3),
    "chip.rev_id": HEX.format(4),
    "chip.rom_id": HEX.format(2),
}
"""Each string of a report outside its steps, and the expression that it matches."""

WAYS = ("jump", "reset")
CONNECTIONS = ("UART", "USB")
ARRIVED, PROMPT = "arrived", "prompt"  # of an entry; of a return
OUTCOMES = {
    "info": ("done",),
    "plan": ("free", "refused"),
    "enter": (
        ARRIVED, "refused", "the prompt was back", "no ROM was found", "the ROM served USB",
        "the board stayed at its prompt",
    ),
    "return": (PROMPT, "no prompt"),
}  # fmt: skip
HOW = ("leave", "reset", "button", "itself")
"""How the prompt came back: by Go or DFU's request to leave, by a reset that the host asked the
ROM for, by the reset button, or without any of these, as the ROM had not stayed."""

STEP = {"step", "outcome", "seconds"}
MORE = {"info": set[str](), "plan": {"via", "reasons"}, "enter": {"via", "by"}, "return": {"how"}}
ROM = {"UART": ("version", "dev_id"), "USB": ("version", "alts")}

PRIVATE = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{12,}(?![0-9A-Fa-f])"  # a unique ID, a serial number
    r"|/(?:dev|home|Users|root|tmp|var|mnt|media)/|[A-Za-z]:\\|\bCOM\d+\b|@\w+\.\w"
)
"""What no report has: numbers that name one chip, ports, paths, addresses of people."""


@dataclass(frozen=True)
class Report:
    """One that is in order.

    virtual: why the board is no silicon; empty if it is. tries: entries that were tried and not
    refused. arrived: those of them after which the ROM answered.
    """

    build: str
    machine: str
    dev_id: int
    date: str
    virtual: tuple[str, ...]
    tries: int
    arrived: int


def write(report: dict[str, Any]) -> str:
    """The text of the file: a line for each of its parts and for each step."""
    lines = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in report.items() if k != "steps"]
    steps = ",\n".join(f"  {json.dumps(step)}" for step in report["steps"])
    return "{\n" + ",\n".join([*lines, f' "steps": [\n{steps}\n ]']) + "\n}\n"


def without_private(part: Any) -> Any:
    """A report without what none may have: there could be such a word in the name of a board."""
    if isinstance(part, dict):
        return {key: without_private(value) for key, value in part.items()}
    if isinstance(part, list):
        return [without_private(value) for value in part]
    return PRIVATE.sub("(left out)", part) if isinstance(part, str) else part


def read(path: Path) -> Report:
    """Raises ValueError with a sentence if this is no report, or has what none may have."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from error
    for problem in problems(report):
        raise ValueError(f"{path.name}: {problem}")
    entries = [s for s in report["steps"] if s["step"] == "enter" and s["outcome"] != "refused"]
    return Report(
        report["board"]["build"],
        report["board"]["machine"],
        int(report["chip"]["dev_id"], 16),
        report["date"],
        tuple(report["virtual"]),
        len(entries),
        sum(step["outcome"] == ARRIVED for step in entries),
    )


def problems(report: Any) -> Iterator[str]:
    """A sentence for each thing that makes this no report."""
    if not isinstance(report, dict) or report.get("form") != FORM:
        yield f"it has no form {FORM}"
        return
    parts = {name.partition(".")[0] for name in FIELDS}
    yield from _keys("the report", report, {"form", "virtual", "steps", *parts})
    for name, pattern in FIELDS.items():
        part, _, key = name.rpartition(".")
        value = _get(report.get(part), key) if part else report.get(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{name} is {value!r}"
    for part in ("board", "chip"):
        keys = {n.partition(".")[2] for n in FIELDS if n.startswith(f"{part}.")}
        yield from _keys(part, report.get(part), keys)
    # Without this list nobody has looked whether the board is a virtual one.
    if not _are_strings(report.get("virtual")):
        yield "virtual is no list of sentences"
    steps = report.get("steps")
    if not isinstance(steps, list) or not steps:
        yield "steps is no list"
        return
    for number, step in enumerate(steps):
        yield from (f"step {number}: {problem}" for problem in _step(step))
    if found := PRIVATE.search(json.dumps(report)):
        yield f"{found[0]!r} looks like a number of one chip, a port, a path or an address"


def _step(step: Any) -> Iterator[str]:
    kind = _get(step, "step")
    if kind not in OUTCOMES:
        yield f"there is no step {kind!r}"
        return
    if step.get("outcome") not in OUTCOMES[kind]:
        yield f"{kind} has no outcome {step.get('outcome')!r}"
    for key, known in (("via", WAYS), ("by", CONNECTIONS), ("how", HOW)):
        if key in step and step[key] not in known:
            yield f"{key} is {step[key]!r}"
    more = set(MORE[kind])
    if kind == "enter" and step.get("outcome") == ARRIVED:
        more |= {"rom"}
        yield from _keys("rom", step.get("rom"), set(ROM.get(step.get("by"), ())))
    if kind == "return" and step.get("outcome") != PROMPT:
        more.remove("how")
    yield from _keys(kind, step, STEP | more)
    if not isinstance(step.get("seconds"), (int, float)):
        yield "seconds is no number"
    if "reasons" in step and not _are_strings(step["reasons"]):
        yield "reasons is no list of sentences"


def _keys(name: str, found: Any, wanted: set[str]) -> Iterator[str]:
    keys = set(found) if isinstance(found, dict) else set[str]()
    if keys != wanted:
        yield f"{name} has {sorted(keys)}, and should have {sorted(wanted)}"


def _get(found: Any, key: str) -> Any:
    return found.get(key) if isinstance(found, dict) else None


def _are_strings(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)
