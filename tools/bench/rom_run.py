"""From the CPU's first instruction in system memory to the bootloader's Go or reset.

`RomRun` watches for the arrival, has it audited, watches a little longer for a late exception, and
then lets the ROM model answer, or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .arrival import EXCEPTION_NUMBER, Deviation, audit
from .clock import Event
from .core import Core, ExceptionEntry
from .memory_map import ALIAS
from .rom import Bootloader, Dfu, RomFacts
from .rom_adapter import SocMemory, rom_facts
from .soc import Soc
from .wires import Wire

MS = 1_000_000  # ns
WATCH_NS = 2 * MS  # from the arrival until the ROM answers: late exceptions are deviations
STALE_RAM = 0x5A  # what the ROM's start-up leaves in the RAM that it uses
FIRST_IRQ = 16
EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}
FAULTS = tuple(EXCEPTIONS)
EXCEPTIONS |= {11: "SVCall", 14: "PendSV", 15: "SysTick"}


@dataclass
class Arrival:
    """One arrival in system memory."""

    address: int
    """Of the first instruction in system memory."""
    instructions: int
    """Executed since power-on, when the first one in system memory was next."""
    ns: int
    """Virtual time since power-on."""
    deviations: list[Deviation] = field(default_factory=list)
    fault: str = ""
    """The name of the fault whose vector led here, if one did: nobody entered on purpose."""

    @property
    def clean(self) -> bool:
        return not self.deviations

    def __str__(self) -> str:
        if self.clean:
            return "the ROM found the chip as a reset would have left it"
        if self.fault:
            return (
                f"a {self.fault} of the application, whose vector leads to system memory: the "
                "bootloader was not entered, and does not answer. Is the image that Go started "
                "for this chip?"
            )
        things = "thing is" if len(self.deviations) == 1 else "things are"
        lines = "\n".join(f"  {deviation}" for deviation in self.deviations)
        return f"{len(self.deviations)} {things} not as the ROM needs them:\n{lines}"


class Usb(Protocol):
    """What a USB connector hears. The device of the application is for the connector to know."""

    def application_started(self) -> None:
        """The chip was reset, or the ROM has started an application."""

    def rom_entered(self) -> None:
        """The CPU is in system memory."""

    def rom_ready(self, dfu: Dfu) -> None:
        """The ROM waits for a host on USB; if one comes, call `RomRun.usb_serves`."""

    def rom_serves_serial(self) -> None:
        """A byte came over a serial line first: the ROM has left USB."""


class RomRun:
    """The system memory of one board.

    Attributes:
        arrival: the last one that was watched to its end, None before the first.
        model: the ROM model on serial lines while it runs, else None.
        dfu: the same on USB, if the ROM of this chip has USB.
        usb: the connector, if a cable may be in it.
        occupied: an arrival has been watched to its end; the CPU stays in system memory.
        on_arrival, say: to be set by the board.
        resets: called at each start of the ROM; True: it resets the chip instead of listening, as
            the ROM of an F405 sometimes does when it measures a crystal above 8 MHz wrongly.
    """

    def __init__(self, soc: Soc, core: Core, wires: list[Wire]) -> None:
        self._soc = soc
        self._core = core
        self._wires = wires
        self.arrival: Arrival | None = None
        self.model: Bootloader | None = None
        self.dfu: Dfu | None = None
        self.usb: Usb | None = None
        self.occupied = False
        self.on_arrival: Callable[[Arrival], None] = lambda arrival: None
        self.say: Callable[[str], None] = lambda sentence: None
        self.resets: Callable[[], bool] = lambda: False
        self._arriving: Arrival | None = None  # being watched
        self._watch_end: Event | None = None
        self._unwatch: list[Callable[[], None]] = []
        self._by_go = False  # Go started the application: the ROM's own table is in use
        core.on_exception = self._exception

    @property
    def arriving(self) -> bool:
        """The ROM has been entered and does not receive bytes yet."""
        return self._arriving is not None

    def leave(self) -> None:
        """The chip was reset, or an application was started: wait for the next arrival."""
        self._by_go = False
        if self.model:
            self.model.stop()
        if self.dfu:
            self.dfu.stop()
        self.model, self.dfu, self._arriving, self.occupied = None, None, None, False
        if self._watch_end:
            self._watch_end.cancel()
        self._watch()
        if self.usb:
            self.usb.application_started()

    # --- arriving ------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Stop before the first instruction in system memory, or in its alias at 0."""
        self._stop_watching()
        system = self._soc.chip.region("SYSTEM")
        ranges = [(system.base, system.end - 1)]
        if self._soc.chip.remap:
            ranges.append((ALIAS, ALIAS + system.size - 1))
        for low, high in ranges:
            self._unwatch.append(self._core.on_execute(low, high, self._executes))

    def _stop_watching(self) -> None:
        while self._unwatch:
            self._unwatch.pop()()

    def _executes(self, address: int) -> None:
        in_alias = address not in self._soc.chip.region("SYSTEM")
        if in_alias and self._soc.syscfg.shown_at_zero != "SYSTEM":
            return
        self._stop_watching()
        clock = self._soc.clock
        found = audit(self._soc, self._core)
        number = self._core.state().xpsr & EXCEPTION_NUMBER
        fault = EXCEPTIONS[number] if number in FAULTS and self._by_go else ""
        self._arriving = Arrival(address, self._core.instructions, clock.now, found, fault)
        self._watch_end = clock.after(WATCH_NS, self._watched)
        if self.usb:
            self.usb.rom_entered()

    def _exception(self, entry: ExceptionEntry) -> None:
        """An exception after the ROM has started runs into ROM code that expects none."""
        if self._arriving is None:
            return
        number = entry.number
        name = EXCEPTIONS.get(number, f"IRQ {number - FIRST_IRQ}")
        why = f"{name} was taken after the ROM had started"
        self._arriving.deviations.append(Deviation("CPU.exception", None, number, 0, why))

    def _watched(self) -> None:
        arrival, self._arriving = self._arriving, None
        assert arrival
        self.arrival, self.occupied = arrival, True
        if arrival.clean:
            self._start()
        self.say(str(arrival))
        self.on_arrival(arrival)

    # --- the ROM runs --------------------------------------------------------------------------

    def _start(self) -> None:
        """The ROM uses the bottom of SRAM and keeps a running watchdog fed (AN2606)."""
        rom = self._soc.chip.rom
        self._soc.map.at[rom["ram_base"]].fill(0, rom["ram_size"], STALE_RAM)
        self._soc.iwdg.keep_reloaded()
        if self.resets():
            arrival = self.arrival
            self._after(round(rom["startup_ms"] * MS), lambda: self._reset_by_the_rom(arrival))
            return
        facts = rom_facts(self._soc.chip, two_banks=self._soc.flash.two_banks)
        memory = SocMemory(self._soc)
        self.model = Bootloader(
            facts,
            memory,
            self._send,
            self._go,
            self._reset,
            after=self._after,
            say=lambda sentence: self.say(sentence),
            first=self._serial_serves,
        )
        if facts.usb:
            self._start_usb(facts, memory)

    def _start_usb(self, facts: RomFacts, memory: SocMemory) -> None:
        dfu = self.dfu = Dfu(
            facts,
            memory,
            self._go,
            self._reset,
            after=self._after,
            say=lambda sentence: self.say(sentence),
        )

        def ready() -> None:
            if self.dfu is dfu and self.usb:
                self.usb.rom_ready(dfu)

        self._after(facts.startup_ns, ready)

    def _serial_serves(self) -> None:
        """The interface that speaks first is the only one until a reset (AN2606)."""
        if self.dfu:
            self.dfu.stop()
        self.dfu = None
        if self.usb:
            self.usb.rom_serves_serial()

    def usb_serves(self) -> None:
        """A host has found the ROM on USB: serial lines are not heard until a reset (AN2606)."""
        if self.model:
            self.say("a host is on USB: the ROM serves USB alone until a reset")
            self.model.stop()

    def _reset(self) -> None:
        self._soc.reset("SFT")

    def _reset_by_the_rom(self, arrival: Arrival | None) -> None:
        if self.occupied and self.arrival is arrival:  # not reset from elsewhere meanwhile
            self.say("the ROM measured its crystal wrong, and resets the chip")
            self._reset()

    def _send(self, data: bytes) -> None:
        for wire in self._wires:
            wire.to_host(data)

    def _after(self, ns: int, fn: Callable[[], object]) -> None:
        def call() -> None:
            fn()

        self._soc.clock.after(ns, call)

    def _go(self, address: int) -> None:
        """AN3155 3.5: MSP and PC from the application's vector table. What a reset would do is
        not done: VTOR and what is seen at 0 stay, and so do registers of RCC that the ROM leaves
        at 0 (AN2606, limitations).

        Where `go_needs_jump` is, an application does not run if the ROM itself was started by a
        reset: what it uses is still with the software in front of the ROM (AN2606 4.10).
        """
        if self._soc.chip.rom.get("go_needs_jump") and self._soc.booted == "SYSTEM":
            self._lose_the_cpu()
            return
        rcc = self._soc.rcc
        for name in self._soc.chip.rom["go_leaves_0"]:
            rcc.write(rcc.by_name[name].offset, 4, 0)
        self._core.reset(address, vtor=0 if self._soc.chip.remap else self._table)
        self.leave()
        self._by_go = True

    def _lose_the_cpu(self) -> None:
        """Nobody answers any more, until a reset."""
        self.say("the application that the ROM has started does not run")
        for server in (self.model, self.dfu):
            if server:
                server.stop()
        self.model = self.dfu = None

    @property
    def _table(self) -> int:
        return self._soc.chip.rom["vector_table"]
