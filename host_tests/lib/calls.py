"""Calls of the helper that come back, and scripts on registers that see each access."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from host_tests.bench.thumb import RAM, STACK_TOP
from host_tests.lib import thumb
from host_tests.lib.departure import (
    COMPLETE,
    CONTROL,
    GO,
    HELPER,
    IMAGE,
    LOOK,
    RAM_END,
    Departure,
    helper_code,
    image,
)
from tools.bench.core import CORES

KEPT = (0x44, 0x55, 0x66, 0x77)  # in r4 to r7, which the caller needs again
SAVED = 24  # bytes that the helper pushes
FRAME = 32
MOV_R2_PC = 0x467A


def resident(code: bytes) -> tuple[int, int]:
    """(offset, bytes as the helper counts them) of the part that is carried to SRAM.

    It starts behind the first BL and ends where the code takes PC to learn how long it is.
    """
    listing = list(thumb.instructions(code))
    start = next(i.offset + 4 for i in listing if thumb.is_call(i))
    end = next(i.offset + 4 for i in listing if i.first == MOV_R2_PC)
    return start, (end - start + 3) & ~3


START, LENGTH = resident(helper_code())
SCRIPT = len(image())


@dataclass(frozen=True)
class Call:
    """A call in thread mode. sp: the main stack at that time."""

    task: int
    sp: int = STACK_TOP
    image_at: int = IMAGE
    helper_at: int = HELPER
    ram: tuple[int, int] = (RAM, RAM_END)
    control: int = 0

    def prepare(self, helper: bytes) -> Returning:
        return Returning(self, helper)

    @property
    def target(self) -> int:
        """Where script and resident part would be carried to."""
        return (self.sp - SAVED - SCRIPT - LENGTH - FRAME) & ~7

    @property
    def returns(self) -> int:
        if self.task == CONTROL:
            return self.control
        if self.task == COMPLETE:
            return self.image_at + SCRIPT + LENGTH
        return 0 if self.task == LOOK and self.has_room else self.sp - SAVED

    @property
    def has_room(self) -> bool:
        """Between the start of SRAM and MSP, beside the image and the code (which is taken to be
        four times as long as its resident part)."""
        msp, code = self.sp - SAVED, self.helper_at + START
        return (
            self.target >= self.ram[0] + FRAME
            and self.ram[1] >= msp
            and (self.image_at >= msp or self.target >= self.image_at + SCRIPT)
            and (code >= msp or self.target >= code + 4 * LENGTH)
        )


class Returning(Departure):
    """Nothing but r0 and, for COMPLETE, the image may have changed."""

    def __init__(self, call: Call, helper: bytes) -> None:
        r4, r5, r6, r7 = KEPT
        code = f"""
            ldr r4,={call.sp}; msr MSP,r4; msr PSP,r4; movs r4,#{call.control}; msr CONTROL,r4; isb
            movs r4,#{r4}; movs r5,#{r5}; movs r6,#{r6}; movs r7,#{r7}
            ldr r0,={call.image_at}; movs r1,#{call.task}
            ldr r2,={call.helper_at | 1}; blx r2
            b .
        """
        script = image(ram=call.ram)
        cortex_m4 = CORES["cortex-m4"]
        super().__init__(code, cortex_m4, helper, call.helper_at, call.image_at, script)
        self.call, self.helper = call, helper

    def run(self, cycles: int = 2000) -> Returning:
        super().run(cycles)
        return self

    def off(self) -> list[str]:
        state, core = self.core.state(), self.core
        found = bytearray()
        for at in range(0, len(self.image_then()), 4):
            found += struct.pack("<I", core.bus.load(self.call.image_at + at))
        wanted = {
            "r0": (state.r[0], self.call.returns),
            "r4 to r7": (state.r[4:8], KEPT),
            "MSP": (state.msp, self.call.sp),
            "CONTROL": (state.control & 3, self.call.control),
            "PRIMASK": (state.primask, 0),
            "image": (found, self.image_then()),
            "faults": (core.faults, []),
            "arrived": (self.arrived, False),
        }
        return [name for name, (there, expected) in wanted.items() if there != expected]

    def image_then(self) -> bytes:
        if self.call.task != COMPLETE:
            return self.script
        code = self.helper[START : START + LENGTH]
        return self.script + code


def tight() -> dict[str, tuple[Call, Call]]:
    """Calls for which there is just room, and for which there is just too little."""
    call = Call(LOOK)
    lowest = call.target - FRAME
    below = call.target - SCRIPT
    code = call.target - START - 4 * LENGTH
    msp = call.sp - SAVED
    return {
        "down to the start of SRAM": (
            replace(call, ram=(lowest, RAM_END)),
            replace(call, ram=(lowest + 4, RAM_END)),
        ),
        "down to the start of SRAM, the stack elsewhere": (
            replace(call, ram=(lowest, RAM_END), sp=call.sp + 4),
            replace(call, ram=(lowest, RAM_END), sp=call.sp - 8),
        ),
        "the main stack in SRAM": (
            replace(call, ram=(RAM, msp)),
            replace(call, ram=(RAM, msp - 4)),
        ),
        "beside the image": (
            replace(call, image_at=below),
            replace(call, image_at=below + 4),
        ),
        "the image above the stack": (
            replace(call, image_at=call.sp + 0x100),
            replace(call, image_at=call.target - 64),
        ),
        "beside the code": (
            replace(call, helper_at=code),
            replace(call, helper_at=code + 4),
        ),
        "the code above the stack": (
            replace(call, helper_at=call.sp + 0x100),
            replace(call, helper_at=(msp - len(helper_code())) & ~7),
        ),
    }


CALLS = {
    "is there room": Call(LOOK),
    "is there room, on the process stack": Call(LOOK, control=2),
    "complete": Call(COMPLETE),
    "complete, no room": Call(COMPLETE, ram=(RAM, RAM + 4)),
    "control": Call(CONTROL),
    "control: unprivileged": Call(CONTROL, control=1),
    "leave, no room": Call(GO, ram=(RAM, RAM + 4)),
    **{name: enough for name, (enough, _) in tight().items()},
    **{f"{name}: too little": too_little for name, (_, too_little) in tight().items()},
}


def _nothing() -> None:
    pass


class Registers:
    """A word that comes true at the third look (offset 0), and registers that note each store."""

    name, base, size = "registers", 0x40000000, 0x100
    LOOKS = 3

    def __init__(self) -> None:
        self.looks = 0
        self.on_store = _nothing
        self.stores: list[tuple[int, int]] = []

    def read(self, offset: int, size: int) -> int:
        if offset:
            return 0x55AA
        self.looks += 1
        return 0xFF3 if self.looks >= self.LOOKS else 0xFF0

    def write(self, offset: int, size: int, value: int) -> None:
        self.stores.append((offset, value))
        self.on_store()

    def reset(self) -> None:
        pass


AT = Registers.base
ICER0, ICPR0 = 0xE000E180, 0xE000E280
INTERRUPT_0 = 16


@dataclass(frozen=True)
class Script:
    """Lines, and what they store; whether they end in a reset for lack of what they wait for, and
    whether an enabled interrupt comes with each store."""

    lines: tuple[int, ...]
    stores: tuple[tuple[int, int], ...]
    resets: bool = False
    interrupted: bool = False

    def prepare(self, helper: bytes) -> OnRegisters:
        return OnRegisters(self, helper)


class OnRegisters(Departure):
    def __init__(self, script: Script, helper: bytes) -> None:
        code = "ldr r4,=0xE000E100; movs r5,#1; str r5,[r4]; {go}\n.thumb_func\nirq0: b .\n"
        super().__init__(code, CORES["cortex-m4"], helper, script=image(lines=script.lines))
        self.expected, self.registers, self.resets = script, Registers(), 0
        self.core.map_block(self.registers)

        def note_reset() -> None:  # which does not come: the helper must wait for it
            self.resets += 1
            self.arrived = True

        self.core.on_system_reset = note_reset
        if script.interrupted:
            self.registers.on_store = lambda: self.core.pend(INTERRUPT_0)

    def run(self, cycles: int = 20_000) -> OnRegisters:
        super().run(cycles)
        return self

    def off(self) -> list[str]:
        wanted = {
            "stores": (tuple(self.registers.stores), self.expected.stores),
            "resets": (self.resets, int(self.expected.resets)),
            "arrival": (self.arrived, True),
            "faults": (self.core.faults, []),
        }
        return [name for name, (there, expected) in wanted.items() if there != expected]


SCRIPTS = {
    "an interrupt on the way": Script(
        (AT + 4, 1, ICER0, 1, ICPR0, 1), ((4, 1),), interrupted=True
    ),
    "writes and a change": Script(
        (AT + 4, 0x12345678, AT + 8 | 2, 0xF0F0, 0x0F01, AT + 4, 1),
        ((4, 0x12345678), (8, 0x0F0B | 0x0500), (4, 1)),
    ),
    "a fill": Script(
        (AT + 0x10 | 1, 0xABCDEF01, 3, AT + 4, 1),
        ((0x10, 0xABCDEF01), (0x14, 0xABCDEF01), (0x18, 0xABCDEF01), (4, 1)),
    ),
    "a row": Script(
        (AT + 0x10 | 1, 0x40000005, 0, 7, 8, 9, AT + 4, 1),
        ((0x10, 7), (0x18, 8), (0x10 + 4 * 30, 9), (4, 1)),
    ),
    "a row of pulses": Script(
        (AT + 0x10 | 1, 0x80000005, 0, 7, 8, AT + 4, 1),
        ((0x10, 7), (0x10, 0), (0x18, 8), (0x18, 0), (4, 1)),
    ),
    "a wait that comes true late": Script(
        (AT | 3, 0x0F, 3, Registers.LOOKS, AT + 4, 1),
        ((4, 1),),
    ),
    "a wait that comes true too late": Script(
        (AT | 3, 0x0F, 3, Registers.LOOKS - 1, AT + 4, 1),
        (),
        resets=True,
    ),
}
