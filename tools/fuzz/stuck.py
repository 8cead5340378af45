"""Waits that never end: a crystal that never starts, an erase that never ends.

For each wait of the script there is a case in which its bits never read as it expects. It must end
in a reset that the script asks for (AIRCR.SYSRESETREQ, the application starts anew), within the
time that its number of tries allows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random

from .application import Application
from .interrupts import Context, enter, mainline, set_priorities
from .layout import plain
from .run import Call, End, Outcome
from .subject import WAIT, Line, Subject

MS = 1_000_000
INSTRUCTIONS_PER_TRY = 6
LONGEST_MS = 4_000
# A bound of seconds takes minutes here: the case is run with fewer tries, and the bound itself is
# worked out from what the script says.
TRIES = 0x1000


def waits(subject: Subject) -> list[Line]:
    """Each wait of the script; words are mask, expected value, tries."""
    return [line for line in subject.lines() if line.kind == WAIT]


def longest_ms(line: Line, hz: int) -> float:
    """How long a wait lasts at most, in milliseconds, at the clock after a reset."""
    return line.words[2] * INSTRUCTIONS_PER_TRY * 1000 / hz


def run(subject: Subject, line: Line, handlers: list[int]) -> Outcome:
    """One wait that never ends, from within these handlers; only the first one with ARMv6-M."""
    mask, expected, tries = line.words
    shorter = min(tries, TRIES)
    image = bytearray(subject.image)
    struct.pack_into("<I", image, line.offset + 12, shorter)
    subject = replace(subject, image=bytes(image))
    layout = plain(Random(f"stuck {line.address}"), subject)
    app = Application(subject, layout)
    longest = longest_ms(line, app.soc.rcc.clocks.hclk)
    if not mainline(app.soc.chip):
        handlers = handlers[:1]
    priorities = range(0xF0, 0, -0x40)
    context = Context(0, handlers, dict(zip(handlers, priorities, strict=False)))
    set_priorities(app, 0, context.priorities)
    enter(app, context)
    _stick(app, line.address, mask, expected)
    call = Call(app)
    end = call.run(layout.image, 1, LONGEST_MS * MS)
    outcome = Outcome(end, call.complaints())
    if longest > LONGEST_MS:
        outcome.wrong.append(f"{tries} tries can last {longest:.0f} ms")
    if end is not End.RESET or call.resets != ["SFT"]:
        outcome.wrong.append(f"{end.value}, resets {call.resets}: {call.whereabouts()}")
    return outcome


def _stick(app: Application, address: int, mask: int, expected: int) -> None:
    """The bits of `mask` read wrong from now on."""
    block = app.core.bus.block_at(address)
    assert block
    registers = app.soc.blocks[block.name]
    offset = address - registers.base
    name = registers.by_offset[offset].name
    read: Callable[[], int] = registers.readers.get(offset) or (lambda: registers.get(name))
    lowest = mask & -mask
    registers.on_read(name, lambda: read() & ~mask | expected ^ lowest)
