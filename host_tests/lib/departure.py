"""The helper of jump.py at work on a bench core.

There is an application of a few instructions, the helper in flash, a script that uses each kind
of line, and a ROM that it must arrive in.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from unittest.mock import MagicMock

from host_tests.bench.thumb import FLASH, RAM, Machine
from host_tests.lib.chunks import chip as chunks
from host_tests.tables.library import MICROPYTHON
from tools.bench.core import Core, CoreSpec, Memory, Stop
from tools.cli.hosted.modules import Modules
from tools.machine_code import assemble

helper_code = functools.cache(assemble)

LOOK, GO, COMPLETE, CONTROL = range(4)  # tasks, see jump.py
HELPER = FLASH + 0x8000
ROM = 0x1FFF0000
ROM_MSP, ROM_START = RAM + 0x1000, ROM + 0x100
IMAGE = RAM + 0x400
RAM_END = RAM + 0x10000
WORDS = RAM + 0x200  # of memory that the script writes
PSP = RAM + 0x6000
IN_FLASH = FLASH + 0xC000  # the image once more, to be copied by the application
SDRAM = 0xC0000000
UDF = bytes.fromhex("00de")
MSR_BASEPRI = bytes.fromhex("80f31188")
MSR_MSPLIM = bytes.fromhex("83f30a88")
MPU = 0x17, 0x03060027  # RBAR and RASR: region 7, which opens RAM

# What the script does with them, and what must be there then. The image must not be a multiple of
# 16 bytes: what is copied from behind it may not stay.
BEFORE = (0, 0, 0, 0x55, 0x0000FF0F, 0, 0)
LINES = (
    *(WORDS + 4, 0x77777777),  # write
    *(WORDS, 0x11111111),
    *(WORDS + 4 | 1, 0x22222222, 2),  # fill
    *(WORDS + 0x10 | 2, 0x0000FF00, 0x12340000),  # change
    *(WORDS + 0x10 | 3, 0xFFFF0000, 0x12340000, 1),  # wait
    *(WORDS + 0x14 | 1, 0x80000001, 0, 0x33333333),  # a row of one register, pulsed
    *(WORDS + 0x18 | 1, 0x00000001, 0, 0x44444444),  # and one that is not
)
AFTER = (0x11111111, 0x22222222, 0x22222222, 0x55, 0x1234000F, 0, 0x44444444)


@functools.cache
def image(
    rom: int = ROM, lines: Sequence[int] = LINES, ram: tuple[int, int] = (RAM, RAM_END)
) -> bytes:
    """As chip.image() makes it."""
    chip = Modules(
        {"machine": MagicMock(), "micropython": MICROPYTHON, "romboot.jump": MagicMock()}
    ).module("chip")
    own = struct.pack(f"<{len(lines)}I", *lines)
    end = struct.pack("<3I", 2, rom, 0)
    return bytes(chip.image(chunks(b"", own, end, ram, MPU)))


def calling(code: str, helper: int = HELPER, image_at: int = IMAGE) -> str:
    """An application, with the call in the place of {go}."""
    call = f"ldr r0,={image_at}; movs r1,#{GO}; ldr r2,={helper | 1}; blx r2; b ."
    return code.replace("{go}", call)


class Departure:
    """A run of an application, from its reset until the ROM is reached or `cycles` are over."""

    def __init__(
        self,
        code: str,
        spec: CoreSpec,
        helper: bytes | None = None,
        helper_at: int = HELPER,
        image_at: int = IMAGE,
        script: bytes | None = None,
    ) -> None:
        self.machine = Machine(calling(code, helper_at, image_at), spec=spec)
        self.core: Core = self.machine.core
        self.helper_at, self.image_at, self.script = helper_at, image_at, script or image()
        sdram = Memory(0x1000, name="SDRAM")
        self.machine.ram.fill(0, self.machine.ram.size, 0xA5)
        memories = (FLASH, self.machine.flash), (RAM, self.machine.ram), (SDRAM, sdram)
        for base, memory in memories:
            if 0 <= helper_at - base < memory.size:
                memory.write(helper_at - base, helper or helper_code())
        self.machine.flash.write(IN_FLASH - FLASH, self.script)
        rom = Memory(0x1000, name="ROM")
        rom.write(0, struct.pack("<2I", ROM_MSP, ROM_START | 1))
        rom.write(ROM_START - ROM, struct.pack("<H", 0xE7FE))  # b .
        self.core.map_memory(ROM, rom, writable=False)
        self.core.map_memory(SDRAM, sdram)
        self.machine.ram.write(WORDS - RAM, struct.pack(f"<{len(BEFORE)}I", *BEFORE))
        if image_at - RAM in range(self.machine.ram.size):
            self.machine.ram.write(image_at - RAM, self.script + UDF * 8)
        self.arrived = False
        self.mpu_then = 0, 0
        self.foreign: set[str] = set()  # what the helper used, and this core has not
        self._watch_registers(spec)
        if spec.architecture < 8:
            self._watch_stack_limits(helper_at)
        if spec.architecture == 6:
            self._watch_basepri()

    def _watch_registers(self, spec: CoreSpec) -> None:
        """Reserved in the system control space of this core, whatever this one does about it."""
        reserved: list[range] = [] if spec.caches else [range(0xD78, 0xD88), range(0xF50, 0xF7C)]
        if spec.architecture == 6:
            reserved += [range(0x300, 0x340), range(0xD24, 0xD28)]  # IABR, SHCSR
        scs = self.core.scs
        read, write = scs.read, scs.write

        def note(offset: int) -> None:
            if any(offset in part for part in reserved):
                self.foreign.add(f"register 0xE000E{offset:03X}")

        def noted_read(offset: int, size: int) -> int:
            note(offset)
            return read(offset, size)

        def noted_write(offset: int, size: int, value: int) -> None:
            note(offset)
            write(offset, size, value)

        scs.read, scs.write = noted_read, noted_write  # type: ignore[method-assign]

    def _watch_stack_limits(self, helper_at: int) -> None:
        """MSR MSPLIM is UNPREDICTABLE before ARMv8-M (DDI 0403E B5.2.3)."""
        at = helper_at + helper_code().index(MSR_MSPLIM)
        self.core.on_execute(at, at + 1, lambda _: self.foreign.add("MSPLIM"))

    def _watch_basepri(self) -> None:
        """So is MSR BASEPRI on ARMv6-M (DDI 0419E B4.2.3)."""
        core = self.core

        def note(address: int, size: int) -> None:
            if size == 4 and self.machine.ram.read(address - RAM, 4) == MSR_BASEPRI:
                self.foreign.add("BASEPRI")

        core.engine.hooks.on_instruction(note, RAM, RAM_END - 1)

    def run(self, cycles: int = 20_000) -> Departure:
        def stop(address: int) -> None:
            self.arrived = True

        remove = self.core.on_execute(ROM, ROM + 0xFFF, stop)
        while not self.arrived and self.core.run(cycles=cycles) is Stop.BREAK:
            pass
        remove()
        return self

    def _mpu(self) -> tuple[int, int]:
        """MPU_CTRL, and MPU_RASR (ARMv8-M: RLAR) of region 7."""
        bus = self.core.bus
        bus.store(0xE000ED98, 4, 7)
        return bus.load(0xE000ED94), bus.load(0xE000EDA0)

    def off(self) -> list[str]:
        """Names of what is not as a reset would have left it, in the ROM."""
        if not self.arrived:
            return ["the ROM was never reached"]
        core, state = self.core, self.core.state()
        wanted = {
            "PC": (state.pc, ROM_START),
            "MSP": (state.msp, ROM_MSP),
            "LR": (state.lr, 0xFFFFFFFF),
            "IPSR": (state.xpsr & 0x1FF, 0),
            "CONTROL": (state.control, 0),
            "PRIMASK": (state.primask, 0),
            "BASEPRI": (state.basepri, 0),
            "FAULTMASK": (state.faultmask, 0),
            "MSPLIM": (state.msplim, 0),
            "PSPLIM": (state.psplim, 0),
            "active exceptions": (core.nvic.active, set()),
            "SCR": (core.bus.load(0xE000ED10), 0),
            "SHCSR": (core.bus.load(0xE000ED24) if core.spec.mainline else 0, 0),
            "MPU": (self._mpu(), self.mpu_then),
            "faults": (core.faults, []),
            "violations": (core.violations, []),
            "caches": (core.left_behind(), []),
            "foreign": (self.foreign, set()),
            "CCR": (core.bus.load(0xE000ED14) & 3 << 16, 0),
        }
        off = [name for name, (found, expected) in wanted.items() if found != expected]
        words = tuple(core.bus.load(WORDS + 4 * n) for n in range(len(AFTER)))
        return off + ["memory"] * (words != AFTER)
