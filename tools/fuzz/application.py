"""The program that a state is set up in, on a virtual board of its own.

Its thread and its handlers wait in endless loops while Python does the bus writes that they would
do. Handlers of interrupts that come by themselves are real code: they switch their interrupt off
and return.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from unicorn import arm_const as arm

from ..bench.blocks.external import SDRAM_BANKS, SDRAM_LOAD_MODE
from ..bench.board import VirtualBoard
from ..bench.core import Stop
from .layout import Layout, has_vtor
from .subject import FuzzError, Subject

CODE, RETURN = 0x400, 0x800  # offsets of the handlers and of the page that calls return to
HOLD, UNDEFINED, FLOAT, ACK, NMI, STRAY = 0x00, 0x04, 0x10, 0x14, 0x34, 0x44  # offsets in CODE
HANDLERS = bytes.fromhex(
    # HOLD: b .; nop; UNDEFINED: udf; b .
    "fee700bf 00defee7 00bf00bf00bf00bf"
    # FLOAT: vmov s0, r0, and on to ACK
    "00ee100a"
    # ACK: mrs r0, ipsr; subs r0, #16; bmi 1f; lsrs r1, r0, #5; lsls r1, r1, #2; movs r2, #31;
    # ands r0, r2; movs r2, #1; lsls r2, r0; ldr r3, =NVIC_ICER0; str r2, [r3, r1]; 1: bx lr; nop
    "eff30580 1038 07d4 4109 8900 1f22 1040 0122 8240 014b 5a50 7047 00bf 80e100e0"
    # NMI: ldr r0, =register; ldr r1, =bit; str r1, [r0]; bx lr; _handlers() has the two words
    "0148 0249 0160 7047"
)
BRANCH_TO_SELF = b"\xfe\xe7"
FPU_ON = 0xF << 20  # CPACR: CP10 and CP11
ICSR, VTOR, SHCSR, CPACR = 0xE000ED04, 0xE000ED08, 0xE000ED24, 0xE000ED88
MARKS = tuple(range(0x44440000, 0x44440008))  # r4 to r11: a call keeps them
ISER, ISPR = 0xE000E100, 0xE000E200
HARD_FAULT = 3
FAULT_ENABLE = {4: 1 << 16, 5: 1 << 17, 6: 1 << 18}  # SHCSR
# How software makes a system exception pending: (register, bit).
PEND = {
    2: (ICSR, 31),
    4: (SHCSR, 13),
    5: (SHCSR, 14),
    6: (SHCSR, 12),
    11: (SHCSR, 15),
    14: (ICSR, 28),
    15: (ICSR, 26),
}


class Application:
    """Bus accesses and exceptions of a program, on a fresh board.

    Attributes:
        board, soc, core, subject, layout: what it runs on.
        expected: number of the exception that the program is in, 0 for thread mode.
        deliberate: sentences in `core.faults` that the program caused on purpose.
        alarms: what is to happen during the call: (instructions from its start, function).
        over: the program has reset the chip; what it meant to happen does not happen any more.
    """

    def __init__(self, subject: Subject, layout: Layout) -> None:
        self.subject = subject
        self.layout = layout
        self.board = VirtualBoard(subject.board)
        self.soc, self.core = self.board.soc, self.board.core
        self.expected = 0
        self.deliberate = 0
        self.over = False
        self.alarms: list[tuple[int, Callable[[], None]]] = []
        self.soc.flash.array.write(0, subject.flash)
        self.board.power_on()
        for address, data in subject.ram:
            self.write_memory(address, data)
        if subject.heap_chip:
            self._start_sdram(SDRAM_BANKS[subject.heap_chip.bank])
        if layout.code != subject.code_address & ~0x08000000:
            self.write_memory(layout.code, subject.code)
        self.write_memory(layout.image, subject.image)
        self._start()

    def _start(self) -> None:
        """The vector table, the handlers, and the CPU in the thread's loop."""
        at = self.layout.application
        code = at + CODE
        irqs = self.soc.chip.irq_count
        vectors = [self.layout.msp, *[code + STRAY | 1] * 15, *[code + ACK | 1] * irqs]
        vectors[2] = code + NMI | 1
        for number in (11, 14, 15):
            vectors[number] = code + ACK | 1
        self.write_memory(at, struct.pack(f"<{len(vectors)}I", *vectors))
        self.write_memory(code, self._handlers())
        self.write_memory(at + RETURN, BRANCH_TO_SELF)
        if has_vtor(self.soc.chip):
            self.store(VTOR, at)
        else:
            remap = self.soc.chip.remap
            assert remap
            self.change(f"SYSCFG.{remap.register}", remap.value("SRAM"), remap.mask)
            self.soc.map.update()
        for n, value in enumerate(MARKS):
            self.core.engine.set(arm.UC_ARM_REG_R4 + n, value)
        self.core.engine.set_mode(xpsr=1 << 24, control=0, msp=self.layout.msp, psp=0)
        self.hold()

    def _handlers(self) -> bytes:
        """The code at CODE. Clock security is acknowledged with a bit of RCC."""
        register, shift = self.soc.chip.rcc["ready_interrupts"]["clear"]
        bit = 1 << shift + self.soc.chip.rcc["ready_interrupts"]["css"]
        rcc = self.soc.chip.peripheral("RCC")
        words = struct.pack("<2I", rcc.base + rcc.by_name[register].offset, bit)
        return HANDLERS + words + BRANCH_TO_SELF  # STRAY: where nothing should ever come

    def _start_sdram(self, bank: int) -> None:
        """As start-up code: the last of its commands is what the bench waits for."""
        self.enable("FMC")
        self.poke("FMC.SDCMR", SDRAM_LOAD_MODE | bank)
        self.soc.map.update()

    # --- memory and registers ------------------------------------------------------------------

    def write_memory(self, address: int, data: bytes) -> None:
        """As it was when the program was loaded, flash included."""
        self.soc.map.write(address, data)

    def store(self, address: int, value: int) -> None:
        """A word, as the CPU writes it."""
        self.core.bus.store(address, 4, value & 0xFFFFFFFF)

    def load(self, address: int) -> int:
        """A word, as the CPU reads it."""
        return self.core.bus.load(address)

    def has(self, name: str) -> bool:
        """Is there such a register, as "RCC.CR"?"""
        block, register = name.split(".")
        return block in self.soc.blocks and self.soc.blocks[block].has(register)

    def poke_at(self, block: str, offset: int, value: int) -> None:
        """Write a register that has no name."""
        self.soc.blocks[block].write(offset, 4, value & 0xFFFFFFFF)

    def mask(self, name: str) -> int:
        """The bits of a register that software can write, and take back."""
        block, name = name.split(".")
        register = self.soc.blocks[block].by_name[name]
        return register.writable & ~register.set_only

    def poke(self, name: str, value: int) -> None:
        """Write a register by its name, over the bus."""
        block = self.soc.blocks[name.split(".")[0]]
        block.write(block.by_name[name.split(".")[1]].offset, 4, value & 0xFFFFFFFF)

    def peek(self, name: str) -> int:
        """The value of a register, without the side effects of a read."""
        block, register = name.split(".")
        return self.soc.blocks[block].get(register)

    def enable(self, name: str) -> None:
        """Switch the clock of a block on, if it has one."""
        bit = self.soc.chip.peripheral(name).enable
        if bit:
            self.set_bits(f"RCC.{bit.register}", bit.mask)

    def change(self, name: str, value: int, bits: int) -> None:
        """Some bits of a register, the others as they are. The clock of its block comes on."""
        self.enable(name.split(".")[0])
        self.poke(name, self.peek(name) & ~bits | value & bits)

    def set_bits(self, name: str, bits: int) -> None:
        self.poke(name, self.peek(name) | bits)

    def clear_bits(self, name: str, bits: int) -> None:
        self.poke(name, self.peek(name) & ~bits)

    # --- the CPU -------------------------------------------------------------------------------

    @property
    def active(self) -> set[int]:
        """Exceptions whose handlers are under way."""
        return self.core.nvic.active

    @property
    def exception(self) -> int:
        """IPSR."""
        return self.core.engine.get(arm.UC_ARM_REG_IPSR) & 0x1FF

    def hold(self, offset: int = HOLD) -> None:
        """Go on in the endless loop (or at another of the handlers)."""
        self.core.engine.branch(self.layout.application + CODE + offset | 1)

    def run(self, cycles: int) -> None:
        """Let the program go on for a while."""
        if self.core.run(cycles=cycles) is Stop.LOCKUP:
            raise FuzzError(f"the application has locked up: {self.core.lockup}")

    def wait(self, ns: int) -> None:
        """The same, for so much virtual time: its loop need not run for that."""
        clock = self.soc.clock
        clock.advance(clock.cycles_until(clock.now + ns))
        self.run(1)

    def set_alarms(self) -> None:
        """From now on, `alarms` count."""

        def ring(act: Callable[[], None]) -> None:
            if not self.over:
                act()

        for after, act in self.alarms:
            self.soc.clock.after_cycles(after, partial(ring, act))

    def settle(self) -> None:
        """Let interrupts that are due be served, until the program is in its loop again."""
        loop = self.layout.application + CODE + HOLD
        for _ in range(2000):
            if self.exception == self.expected and self.core.pc == loop and not self.core.asleep:
                return
            self.run(1)
        raise FuzzError(f"exception {self.exception} does not end, at {self.core.pc:#010x}")

    def use_float(self) -> None:
        """An FP instruction in the present mode: it has an FP context from now on."""
        self.store(CPACR, FPU_ON)
        self.run(1)
        self.core.engine.branch(self.layout.application + CODE + FLOAT | 1)
        self.core.run(cycles=1)
        self.hold()

    def pend(self, number: int) -> None:
        """Make an exception pending whose handler will stay in its loop."""
        self.write_memory(
            self.layout.application + 4 * number,
            struct.pack("<I", self.layout.application + CODE + HOLD | 1),
        )
        if number == HARD_FAULT:
            self.hold(UNDEFINED)
        elif number < 16:
            register, bit = PEND[number]
            if register == SHCSR:
                self.store(SHCSR, self.load(SHCSR) | 1 << bit | FAULT_ENABLE.get(number, 0))
            else:
                self.store(register, 1 << bit)
        else:
            self.nvic(ISER, number - 16)
            self.nvic(ISPR, number - 16)

    def take(self, number: int) -> None:
        """Let the CPU take it."""
        faults = len(self.core.faults)
        self.run(4)
        self.deliberate += len(self.core.faults) - faults
        if self.exception != number:
            raise FuzzError(f"in exception {self.exception}, where {number} was meant to be")
        self.expected = number

    def nvic(self, register: int, irq: int) -> None:
        """Set the bit of an interrupt in a row of NVIC registers."""
        self.store(register + irq // 32 * 4, 1 << irq % 32)
