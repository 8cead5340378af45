"""romboot script: one file that enters the ROM of one chip, for `mpremote run`.

It has the image and the machine code of that chip, and decides on the board what only the board
can tell: whether it is that chip, what its ROM, its option bytes and a few registers say. It does
so in the order of the library, with its sentences.
"""

from __future__ import annotations

import argparse
import difflib
import re
import struct
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from ... import boards, paths, tables
from ...tables import n6, no_row
from ...tables.compiler import end
from ...tables.cortex_m import open_region
from ...tables.family import M7, M33, Die, Family, State
from ...tables.index import core
from ...tables.language import pack
from ..errors import CliError, Code
from ..hosted.modules import Modules, narrow

AFTER_MS = 100  # until the board goes: mpremote has left by then
BLOCK = 256  # bytes of data in one literal
HEADER = 20  # bytes of an image before its script
LAST_STEPS = 240  # bytes below the main stack that they need beside the image, as in entry.py
MANY = 8  # of which no sentence is read
ANY = "X"  # in the name of a die: any character

# They stand for numbers that only the board knows, in a sentence of the library.
FIRST, SECOND, THIRD, BYTE = 0xFFFF_FF01, 0xFFFF_FF02, 0xFFFF_FF03, 0xE7

HEAD = """\
# {name}: from MicroPython into the ROM bootloader. Made by romboot {version} for
#     mpremote run THIS_FILE
# which returns before the board leaves, or ends with a sentence that says why it stays.
#
# The parts are in strings so that one after the other is compiled: that needs less of the heap.
import gc, os, struct, sys, time
from gc import collect
from machine import Timer, mem8, mem32
from uctypes import addressof, bytearray_at
class RomBootError(Exception): pass
"""

# A refusal is not a traceback but a sentence. The bytes 0x04 around it are those with which a raw
# prompt marks what an exception says, so that mpremote ends with exit code 1.
BODY = """try:
{}
except RomBootError as error:
 print('\\x04romboot: %s' % error, end='\\n\\x04')
"""

STM32 = "if sys.platform != 'pyboard': raise RomBootError({not_stm32} % sys.platform)\n"

# What else is read to tell families with one core from each other: core() of index.py.
_MORE = {
    M7: " | (mem32[0xE000ED90] & 0xF800) << 1",
    M33: " | (mem32[0x40022044] >> 27 > 0) << 12",
}

PARTS = (
    """\
{place}
core = mem32[0xE000ED00] >> 4 & 0xFFF{more}
found = 0
if core == {core}:
    {idcode}
if found & 0xFFF not in {dev_ids}: raise RomBootError({another} % (core, found & 0xFFF))
""",
    """\
def ram(stack):
    for found in {rams}:
        if found[0] < stack <= found[1]: return found
stack, start = mem32[{table}], mem32[{table} + 4]
if stack & 3 or not ram(stack) or not start & 1 or not {table} < start < {rom_end}:
    raise RomBootError({bad_rom} % (stack & 0xFFFFFFFF, start & 0xFFFFFFFF))
found = ram(mem32[mem32[0xE000ED08]])
if found: struct.pack_into('<3I', image, 4, found[0], found[1], found[0] | {region})
""",
    "{states}\n",
    "{useless}\n",
    """\
try:
    if sys.implementation.version >= (1, 23):
        if hasattr(os, 'sync'): os.sync()
    else: # os.sync() may crash there: see romboot
        from pyb import Flash
        Flash().ioctl(3, 0)
except ImportError: pass
except Exception as error: raise RomBootError({sync} % error)
""",
    "{function}",
    "{prepare}",
    "{helper}",
    """\
def no_room(msp):
    raise RomBootError({stack} % ((msp & 0xFFFFFFFF,) + struct.unpack_from('<2I', image, 4)))
def go(timer):
    timer.deinit()
    {usb}
    no_room(helper(image, 1))
""",
)

TAIL = """\
gc.collect()
msp = helper(image, 0)
if msp: no_room(msp)
timer = Timer(-1, mode=Timer.PERIODIC, period={after_ms}, callback=go)
"""


def run(args: argparse.Namespace) -> int:
    """Print the file."""
    print(source(*chip(args.chip), force=args.force).removesuffix("\n"))
    return 0


def chip(name: str) -> tuple[Family, Die]:
    """By a part number such as STM32L073RZ or L073RZ, or one of the names in the tables. CliError
    if there is none, or more than one."""
    wanted = f"STM32{name.upper().removeprefix('STM32')}"
    found = [
        (family, die)
        for family, die in tables.dies()
        if any(_fits(each, wanted) for each in names(die.name))
    ]
    if len(found) == 1:
        return found[0]
    if len(found) > MANY:
        raise CliError(
            f"{name} may be any of {len(found)} chips: name it in full", Code.COMMAND_LINE
        )
    if found:
        dies = " or ".join(die.name for _, die in found)
        raise CliError(f"{name} may be {dies}: which one?", Code.COMMAND_LINE)
    if wanted.startswith(n6.SERIES):
        raise CliError(n6.WHY, Code.REFUSED)
    for none in no_row.DIES.values():
        if any(_fits(each, wanted) for each in names(none.name)):
            raise CliError(none.sentence, Code.REFUSED)
    for each in boards.similar(name, 1 if name.upper().startswith("STM32") else 0.8):
        board = boards.load(each)
        then = board.refused or f"--chip takes the name of its chip, {board.chip}"
        raise CliError(f"{each} is a board: {then}", Code.COMMAND_LINE)
    if not name:
        raise CliError(
            "--chip is empty: it takes a part number, such as STM32L073RZ", Code.COMMAND_LINE
        )
    every = sorted({each for _, die in tables.dies() for each in names(die.name)})
    near = difflib.get_close_matches(wanted, every, n=3, cutoff=0)
    raise CliError(
        f"romboot has no table for {name}. --chip takes a part number, such as one of "
        f"{', '.join(near)}; {paths.DOCS}/boards.md has the chips that romboot knows",
        Code.REFUSED,
    )


def names(name: str) -> Iterator[str]:
    """Each of "STM32F405/407" by itself."""
    first, *others = name.upper().split("/")
    yield first
    for other in others:
        yield first[: -len(other)] + other


def _fits(name: str, wanted: str) -> bool:
    pairs = zip(name, wanted, strict=False)
    return len(wanted) > len("STM32") and all(a == b or ANY in (a, b) for a, b in pairs)


def source(family: Family, die: Die, *, force: bool = False) -> str:
    """The file."""
    library = apart()
    said = _Sentences(library)
    ram = die.rams[0]
    region, rasr = open_region(family.mpu_regions)
    script = pack(family.script(die)) + end(family)
    words = (HEADER + len(script)) // 4
    image = struct.pack("<5I", words, ram.base, ram.end, ram.base | region, rasr) + script
    dev_ids = (die.dev_id, die.misread) if die.misread else (die.dev_id,)
    another = (
        f"core 0x%03X, DEV_ID 0x%03X: this is no {die.name}. Let romboot script make the file for "
        "this chip"
    )
    variables, helper, prepare, function = library.source(
        "jump_bytes", "helper", "_prepare", "function"
    ).split("\ndef ")
    if family.core is M7:
        prepare = f"{prepare}\n{library.source('cache', 'clean')}"
    fields = {
        "name": die.name,
        "version": paths.version(),
        "not_stm32": said("NotSTM32Error", "%s"),
        "place": "" if family.core.armv6m else _place(said),
        "core": core(family),
        "more": _MORE.get(family.core, ""),
        "idcode": _lines(_idcode(family)),
        "dev_ids": dev_ids,
        "another": repr(another),
        "rams": tuple((ram.base, ram.end) for ram in die.rams),
        "table": family.vectors,
        "rom_end": family.rom_end,
        "bad_rom": said("BadRomError", family.vectors, FIRST, SECOND, ram.base, ram.end),
        "region": region,
        "states": "\n".join(_states(family, lasting=False)),
        "function": f"def {function}",
        "prepare": f"def {prepare}",
        "helper": f"def {helper}",
        "stack": said("StackError", FIRST, len(image) + LAST_STEPS, SECOND, THIRD),
        "useless": "" if force else "\n".join(_useless(family, die, said)),
        "sync": said("SyncError", _Repr()),
        "usb": _lines(_usb(family)),
        "after_ms": AFTER_MS,
    }
    variables = re.sub("^(import|from) .*\n", "", variables, flags=re.MULTILINE).lstrip()
    parts = [STM32.format(**fields), variables, *_data(image)]
    parts += [_part(part.format(**fields)) for part in PARTS]
    body = "".join([*parts, TAIL.format(**fields)]).rstrip().split("'''")
    # Not what is in a string: that is compiled by itself.
    body[::2] = (re.sub("^(?=.)", " ", text, flags=re.MULTILINE) for text in body[::2])
    return HEAD.format(**fields) + BODY.format("'''".join(body))


def _part(text: str) -> str:
    """To be compiled when it is its turn, with all the room that there is."""
    assert "'''" not in text
    text = narrow(text)
    return f"gc.collect()\nexec(r'''\n{text}''')\n" if text.strip() else ""


def apart() -> Modules:
    """The library without a chip: for its data, its sentences and its source."""
    machine = ("mem8", "mem16", "mem32", "disable_irq")
    return Modules(
        {
            "machine": SimpleNamespace(**dict.fromkeys(machine)),
            "micropython": SimpleNamespace(const=lambda value: value),
            "uctypes": SimpleNamespace(addressof=None, bytearray_at=None),
            "romboot.jump": SimpleNamespace(),
        }
    )


class _Repr:
    def __repr__(self) -> str:
        return "%r"


class _Sentences:
    """What an exception of the library says, as source of a format for what the board knows."""

    def __init__(self, library: Modules) -> None:
        self._errors = library.module("errors")

    def __call__(self, error: str, *values: Any) -> str:
        text = str(getattr(self._errors, error)(*values))
        text = text.replace("force=True", "romboot script --force")
        text = re.sub("FFFFFF0[1-3]", "%08X", text).replace(f"{BYTE:02X}", "%02X")
        return repr(text)


def _data(image: bytes) -> Iterator[str]:
    """The image, in literals that a small heap has room for."""
    yield f"image = bytearray({len(image)})\n"
    for at in range(0, len(image), BLOCK):
        if block := bytes(image[at : at + BLOCK]).rstrip(b"\0"):
            yield f"image[{at}:{at + len(block)}] = {block!r}\n"


def _idcode(family: Family) -> Iterator[str]:
    read = f"found = mem32[{family.idcode}]"
    if clock := family.idcode_clock:
        enables = f"mem32[{clock.register.address}]"
        yield f"before = {enables}; {enables} = before | {1 << clock.number}"
        yield f"{read}; {enables} = before"
    else:
        yield read


def _place(said: _Sentences) -> str:
    """CCM begins at 0x10000000, external memory where nothing can be executed at 0xA0000000."""
    sentence = said("CodeError", FIRST, "external memory or CCM")
    return (
        "at = addressof(bytearray(4))\n"
        f"if at >> 28 == 1 or at >> 29 > 4: raise RomBootError({sentence} % at)"
    )


def _states(family: Family, *, lasting: bool) -> Iterator[str]:
    for state in family.states:
        if state.lasting == lasting and not state.harmless:
            so = " and ".join(f"mem32[{c.address}] & {c.mask} == {c.value}" for c in state.checks)
            yield f"if {so}: raise RomBootError({_advice(state)!r})"


def _useless(family: Family, die: Die, said: _Sentences) -> Iterator[str]:
    if die.closed:
        closed = said("ClosedRomError", BYTE)
        yield f"found = mem8[{die.rom_id}]"
        yield f"if found in {bytes(die.closed)!r}: raise RomBootError({closed} % found)"
    if family.protection:
        level = f"mem32[{family.protection.address}] >> {family.protection_shift} & 0xFF"
        yield f"if {level} == 0xCC: raise RomBootError({said('ProtectedError')})"
    yield from _states(family, lasting=True)


def _usb(family: Family) -> Iterator[str]:
    for port in family.usb:
        clock = f"mem32[{port.clock.register.address}] >> {port.clock.number} & 1"
        register = f"mem32[{port.register}]"
        yield f"if {clock} and {register} & {port.mask} == {port.attached}:"
        yield f"    time.sleep_ms(20); {register} ^= {port.mask}; time.sleep_ms(20)"


def _lines(lines: Iterable[str]) -> str:
    """One below the other, as deep as the place where they go."""
    return "\n    ".join(lines) or "pass"


def _advice(state: State) -> str:
    if state.lasting:
        return f"{state.about}. Clear it, or use the BOOT0 pin"
    return (
        f"{state.about}: only a reset clears that, and this file makes none. Use `romboot enter`, "
        "which does; or press reset, if the firmware does not bring that about again"
    )
