"""`boards/<BOARD>.toml`: what it may say, and what it says of the official build and of cables.

Chip, crystal, serial lines, memory: for the bench and its firmware, which have readers of their
own. This module refuses what none of them knows, so that a mistyped key is not a default, and
reads what stands between the user and the ROM:

    boot0 = "jumper between BOOT0 (CN11 7) and VDD (CN11 5), then reset"    # if nothing answers

    [[cable]]                       # all that a user may plug in; the best for the ROM first
    at = "CN13, user USB"           # the connector, in the words that are printed on the board
    usb = "PA11/PA12"               # D-/D+ of the chip behind it; "ULPI" if that is an external
                                    # PHY, "HS" if they are pins for nothing else; or
    st_link = "PD8/PD9"             # TX/RX of the chip on the virtual COM port of an ST-LINK; or
    uart = "PB10/PB11"              # TX/RX of the chip, where a serial adapter goes
    prompt = true                   # the official build has its prompt here
    why_not = "..."                 # why the ROM cannot be had here although it listens there
    note = "..."                    # what must be so, such as a jumper that is closed

    [official]                      # the official build, where it is not as on most boards
    mboot = "optional"              # "yes": it stands on mboot; "optional": it can be built so
    app_base = 0x0801_0000          # its first byte; default: where the flash begins
    below = "mboot"                 # what lies below that, and must stay
    heap = "SDRAM"                  # default: SRAM
    code = "QSPI"                   # memory-mapped flash outside of the chip that has code
    hook = false                    # it has no early-boot hook: no way through a reset

Whether the ROM listens on the pins of a cable is no fact of the board: `Cable.interface` asks the
list of the die. A board whose chip romboot cannot enter at all says `refused = "why"`. It needs no
`[console]`, `[rom_wire]` and `[memory]`, as there is no such chip on the bench.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .paths import BOARDS, DOCS

FLASH_BASE = 0x0800_0000
BOOT0 = "the pin BOOT0 high, then reset"  # of a board without a file
KINDS = ("usb", "st_link", "uart")
MBOOT = ("none", "optional", "yes")

PIN = r"P[A-Z](\d|1[0-5])"
PINS = re.compile(f"{PIN}/{PIN}|ULPI|HS")

# Table -> key -> type. A list has one type for each of its tables.
LINE = {"usart": str, "tx": str, "rx": str, "af": int, "baud": int}
FORM: Mapping[str, Any] = {
    "name": str,
    "mcu_name": str,
    "chip": str,
    "hse_hz": int,
    "lse": bool,
    "pulled_up": list,
    "option": list,
    "sysclk_hz": int,
    "refused": str,
    "boot0": str,
    "console": LINE,
    "rom_wire": LINE,
    "external": [{"kind": str, "bank": int, "size_kib": int}],
    "memory": {
        "flash_kib": int,
        "stack_kib": int,
        "ram": str,
        "ram_kib": int,
        "vectors": str,
        "filesystem": list,
        "heap": list,
        "text": list,
    },
    "firmware": {"assembler": bool, "asyncio": bool, "config": dict},
    "romboot": {
        "jump": str,
        "reset": str,
        "then": {"option": list, "jump": str, "reset": str},
    },
    "cable": [
        {
            "at": str,
            "usb": str,
            "st_link": str,
            "uart": str,
            "prompt": bool,
            "why_not": str,
            "note": str,
        }
    ],
    "official": {
        "mboot": str,
        "app_base": int,
        "below": str,
        "heap": str,
        "code": str,
        "hook": bool,
    },
}


class BoardFileError(ValueError):
    """A board file says what nobody reads, or not what it must; the text says what and where."""


@dataclass(frozen=True)
class Cable:
    """One way to plug in.

    Attributes:
        kind: "usb", the chip's own; "st_link", a virtual COM port; "uart", a serial adapter.
        at: the connector, as printed on the board.
        pins: of the chip: D-/D+ or TX/RX, such as "PA11/PA12"; "ULPI" or "HS" of a USB without.
        prompt: the official build has its prompt here.
        why_not: why the ROM cannot be had here although it listens on these pins; or "".
        note: what must be so for it; or "".
    """

    kind: str
    at: str
    pins: str
    prompt: bool = False
    why_not: str = ""
    note: str = ""

    def interface(self, listens: Iterable[str]) -> str:
        """The ROM's interface that this cable reaches, "" if none.

        listens: all of the die, as `info()` prints them: "USB DFU PA11/PA12", "USART3 PB10/PB11
        or PC10/PC11".
        """
        if self.why_not:
            return ""
        for name in listens:
            usb = name.startswith("USB")
            if usb == (self.kind == "usb") and (usb or "USART" in name) and self._on(name):
                return name.partition(" P")[0] + " " + self.pins
        return ""

    def _on(self, interface: str) -> bool:
        return self.pins in re.split(r" or | ", interface)

    def blocked(self, listens: Iterable[str]) -> str:
        """Why this cable does not reach the ROM, "" if it does."""
        if self.interface(listens):
            return ""
        return self.why_not or f"it is on {self.pins}, where the ROM does not listen"


@dataclass(frozen=True)
class Board:
    """What a host must know of a board. See the text of this module.

    Attributes:
        build: the name of the file; what `sys.implementation._build` shows, without a variant.
        refused: why no ROM can be entered here; or "".
        assembler: the official build has the inline assembler.
        one_cable: the ROM listens on the pins of the serial prompt: of the official build, or
            of the bench firmware if that of the official one is on USB alone.
        filesystem: (start, size in bytes) of what the bench firmware has in flash, or None.
    """

    build: str
    name: str
    mcu_name: str
    chip: str
    refused: str
    boot0: str
    cables: tuple[Cable, ...]
    assembler: bool
    mboot: str
    app_base: int
    below: str
    heap: str
    code: str
    hook: bool
    one_cable: bool
    filesystem: tuple[int, int] | None


def names(folder: Path = BOARDS) -> list[str]:
    """Every board that has a file."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def similar(name: str, least: float = 0.6, folder: Path = BOARDS) -> list[str]:
    """The names most like this one, at most three. Capital letters, - and _ do not count. least:
    how like, up to 1."""
    plain = {_plain(each): each for each in names(folder)}
    wanted = _plain(name)
    near = [wanted] if wanted in plain else difflib.get_close_matches(wanted, plain, 3, least)
    return [plain[each] for each in near]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).upper()


def unknown(name: str, folder: Path = BOARDS) -> str:
    """What to say of a name that no board has."""
    near = " or ".join(similar(name, folder=folder))
    return f"there is no board {name}: " + (
        f"did you mean {near}?" if near else f"{DOCS}/boards.md lists those that there are"
    )


def on_bench(folder: Path = BOARDS) -> list[str]:
    """Those with a chip that the bench has."""
    return [name for name in names(folder) if not load(name, folder).refused]


def find(build: str, folder: Path = BOARDS) -> Board | None:
    """The board of `sys.implementation._build`, also of a variant of its build (PYBV11-THREAD);
    None if there is no file for it."""
    known = names(folder)
    whole = [name for name in known if build == name or build.startswith(name + "-")]
    return load(max(whole, key=len), folder) if whole else None


def called(machine: str, folder: Path = BOARDS) -> Board | None:
    """The board of os.uname().machine, such as "PYBv1.1 with STM32F405RG"."""
    found = (load(name, folder) for name in names(folder))
    return next((b for b in found if f"{b.name} with {b.mcu_name}" == machine), None)


def identify(build: str, machine: str) -> Board | None:
    """By the build name. Firmware up to MicroPython 1.24 has none: then by the names of board and
    chip that it prints, such as "PYBv1.1 with STM32F405RG", if they are of one board alone."""
    if build:
        return find(build)
    every = map(load, names())
    same = [board for board in every if machine == f"{board.name} with {board.mcu_name}"]
    return same[0] if len(same) == 1 else None


@cache
def load(name: str, folder: Path = BOARDS) -> Board:
    """The board `name`. Raises BoardFileError; OSError if there is no such file."""
    data = read(folder / f"{name}.toml")
    official = data.get("official", {})
    area = data.get("memory", {}).get("filesystem")
    ends = [data.get(end, {}) for end in ("console", "rom_wire")]
    console, rom = (f"{end.get('tx')}/{end.get('rx')}" for end in ends)
    cables = tuple(_cable(table) for table in data.get("cable", ()))
    serial = [cable.pins for cable in cables if cable.prompt and cable.kind != "usb"]
    return Board(
        build=name,
        name=data["name"],
        mcu_name=data["mcu_name"],
        chip=data["chip"],
        refused=data.get("refused", ""),
        boot0=data.get("boot0", ""),
        cables=cables,
        assembler=data.get("firmware", {}).get("assembler", True),
        mboot=official.get("mboot", "none"),
        app_base=official.get("app_base", FLASH_BASE),
        below=official.get("below", ""),
        heap=official.get("heap", "SRAM"),
        code=official.get("code", "flash"),
        hook=official.get("hook", True),
        one_cable="rom_wire" in data and rom in (serial or [console]),
        filesystem=(area[0], area[1]) if area else None,
    )


def read(path: Path) -> dict[str, Any]:
    """The file as tables; each key is one of FORM. Raises BoardFileError."""
    where = f"boards/{path.name}"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    _check(data, FORM, where)
    missing = [key for key in _needed(data) if key not in data]
    if missing:
        raise BoardFileError(f"{where} has no {', '.join(missing)}")
    for table in data.get("cable", ()):
        _check_cable(table, where)
    official = data.get("official", {})
    if official.get("mboot", "none") not in MBOOT:
        raise BoardFileError(f"{where}: mboot is one of {', '.join(MBOOT)}")
    if ("app_base" in official) != ("below" in official):
        raise BoardFileError(f"{where}: app_base and what lies below it belong together")
    return data


def _needed(data: Mapping[str, Any]) -> tuple[str, ...]:
    always = ("name", "mcu_name", "chip")
    return always if "refused" in data else (*always, "console", "memory")


def _check(table: Mapping[str, Any], form: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in form:
            raise BoardFileError(
                f"{where} says {key!r}, which nobody reads; known here: {', '.join(form)}"
            )
        kind = form[key]
        if isinstance(kind, dict):
            _check(_typed(value, dict, f"{where}: [{key}]"), kind, f"{where}: [{key}]")
        elif isinstance(kind, list):
            for part in _typed(value, list, f"{where}: [[{key}]]"):
                _check(_typed(part, dict, f"{where}: [[{key}]]"), kind[0], f"{where}: [[{key}]]")
        else:
            _typed(value, kind, f"{where}: {key}")


def _typed(value: Any, kind: type, what: str) -> Any:
    if type(value) is not kind:
        raise BoardFileError(f"{what} is {value!r}, and not a {kind.__name__}")
    return value


def _check_cable(table: Mapping[str, Any], where: str) -> None:
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1 or "at" not in table:
        raise BoardFileError(f"{where}: a cable has `at` and one of {', '.join(KINDS)}")
    if not PINS.fullmatch(table[kinds[0]]):
        raise BoardFileError(
            f"{where}: {table[kinds[0]]!r} are no two pins, such as PA11/PA12 (or ULPI, HS)"
        )


def _cable(table: Mapping[str, Any]) -> Cable:
    kind = next(kind for kind in KINDS if kind in table)
    return Cable(
        kind,
        table["at"],
        table[kind],
        table.get("prompt", False),
        table.get("why_not", ""),
        table.get("note", ""),
    )
