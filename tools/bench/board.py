"""A virtual board: a die, what is around it on the board, and a firmware image.

It runs the firmware until the CPU reaches system memory. There `arrival.audit` compares every
register. If there is no deviation the ROM model answers on its USARTs; otherwise it stays silent,
as the real ROM may do, and `arrival.deviations` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from unicorn.arm_const import UC_ARM_REG_PC

from . import boardfile, chip, image
from . import flash_file as flash_files
from .blocks.usart import Line, Usart
from .boardfile import BoardFile, SerialPins
from .clock import NS_PER_S, Clock
from .core import CORES, Core, CoreSpec, Stop
from .external import ExternalMemory
from .rom import Bootloader
from .rom_run import Arrival, RomRun
from .soc import Soc
from .wires import Wire

__all__ = ["Arrival", "VirtualBoard"]

MS = 1_000_000
MAX_STEP = 1 << 40
BOOTED = {"FLASH": "flash", "BANK2": "bank 2 of the flash", "SYSTEM": "system memory"}
SLICE_NS = 4 * MS  # virtual; within `run`, bytes on the wires are handed over this often


class VirtualBoard:
    """A board with a chip that runs.

    Attributes:
        name, chip, clock, core, soc: its parts.
        wires: "console" and "rom", the same wire if both have the same pins.
        in_system_memory: see `RomRun`.
    """

    def __init__(self, board: BoardFile, flash_file: Path | None = None) -> None:
        self.board = board
        self.name = board.name
        self.chip = chip.load(board.chip)
        self.clock = Clock(self.chip.clocks["hsi_hz"])
        self.core = Core(core_spec(self.chip), self.clock)
        self.soc = self._make_soc()
        self._ends: dict[Wire, list[tuple[Usart, Line]]] = {}
        self.wires = self._make_wires()
        self._rom_wires = self._wires_of_rom()
        self.in_system_memory = RomRun(self.soc, self.core, self._rom_wires)
        self.core.on_system_reset = lambda: self.soc.reset("SFT")
        self.soc.on_reset = self._was_reset
        self.flash_file = flash_file
        self._kept = b""
        self._talked_to = False
        array = self.soc.flash.array
        if flash_file and (kept := flash_files.read(flash_file, self.chip.name, array.size)):
            array.write(0, kept)
            self._kept = kept

    @classmethod
    def load(
        cls,
        name: str,
        firmware: Path | None = None,
        flash_file: Path | None = None,
        boards: Path = boardfile.BOARDS,
    ) -> VirtualBoard:
        """The board `boards/<name>.toml`, powered on.

        Args:
            name: such as "NUCLEO_F429ZI".
            firmware: an .elf, .hex, .dfu or .bin that goes into flash before power-on, also into
                flash behind the FMC or QUADSPI.
            flash_file: keeps the flash from one run to the next: read here if it exists, before
                the firmware is put in, and written by `close`.
            boards: the folder of that file.

        Raises:
            ValueError: no such board or chip, or the firmware is no image or does not fit, or
                the flash file is one of something else.
            OSError: a file cannot be read.
        """
        board = cls(boardfile.load(name, boards), flash_file)
        if firmware:
            board.flash(firmware)
        board.power_on()
        return board

    # --- putting it together -------------------------------------------------------------------

    def _make_soc(self) -> Soc:
        externals = tuple(ExternalMemory(e.kind, e.size, e.bank) for e in self.board.external)
        engine = self.core.engine
        soc = Soc(self.chip, self.core, self.clock, externals, lambda: engine.get(UC_ARM_REG_PC))
        soc.rcc.hse_hz, soc.rcc.lse = self.board.hse_hz, self.board.lse
        for pin in self.board.pulled_up:
            port, number = soc.gpio(pin)
            port.pulled_up.add(number)
        if self.board.option:
            soc.flash.store_options(*self.board.option)
        return soc

    def _make_wires(self) -> dict[str, Wire]:
        console, rom = self.board.console, self.board.rom_wire
        wires = {"console": Wire("console", console.pins)}
        self._connect(wires["console"], console)
        wires["rom"] = wires["console"] if rom.pins == console.pins else Wire("rom", rom.pins)
        if (rom.usart, rom.pins) != (console.usart, console.pins):
            self._connect(wires["rom"], rom)
        return wires

    def _connect(self, wire: Wire, pins: SerialPins) -> None:
        usart = self.soc.blocks.get(pins.usart)
        if not isinstance(usart, Usart):
            raise ValueError(f"{self.chip.name} has no {pins.usart}, which {self.name} uses")

        def selected(pin: str) -> Callable[[], bool]:
            port, number = self.soc.gpio(pin)
            return lambda: port.alternate(number) == pins.af

        line = Line(pins.baud, selected(pins.tx), selected(pins.rx), wire.to_host)
        usart.lines.append(line)
        self._ends.setdefault(wire, []).append((usart, line))

    def _wires_of_rom(self) -> list[Wire]:
        """The wires on pins that the ROM listens on (AN2606)."""
        known = {(u["usart"], u["tx"], u["rx"]) for u in self.chip.rom["usarts"]}
        ends = {"console": self.board.console, "rom": self.board.rom_wire}
        found = [self.wires[n] for n, p in ends.items() if (p.usart, p.tx, p.rx) in known]
        return list({id(wire): wire for wire in found}.values())

    def flash(self, firmware: Path) -> None:
        """Put a firmware image into flash, as a debug probe does: sectors that it touches are
        erased first. Raises ValueError if part of it belongs anywhere else."""
        array, base = self.soc.flash.array, self.soc.flash.base_address
        segments = [
            segment
            for segment in image.load_image(firmware, base)
            if not self._flash_external(*segment)
        ]
        for address, data in segments:
            if not base <= address <= address + len(data) <= base + array.size:
                raise ValueError(
                    f"{firmware} has {len(data)} bytes for 0x{address:08X}, outside the flash of "
                    f"{self.chip.name} (0x{base:08X} and {array.size // 1024} KiB up). Is it for "
                    f"another board?"
                )
        for sector in self.soc.flash.sectors:
            end = sector.base + sector.size
            if any(at < end and sector.base < at + len(data) for at, data in segments):
                array.fill(sector.base - base, sector.size, 0xFF)
        for address, data in segments:
            array.write(address - base, data)

    def _flash_external(self, address: int, data: bytes) -> bool:
        """Put it into external flash, if it belongs there, as a debug probe does."""
        for external in self.soc.map.externals:
            start = address - external.base
            if external.is_flash and 0 <= start <= external.size - len(data):
                external.memory.write(start, data)
                return True
        return False

    def close(self) -> None:
        """Write the flash to `flash_file`, if there is one and it has not got it."""
        flash = self.soc.flash.contents()
        if self.flash_file and flash != self._kept:
            flash_files.write(self.flash_file, self.chip.name, flash)
            self._kept = flash

    # --- power, reset, buttons -----------------------------------------------------------------

    def power_on(self) -> None:
        """Switch the supply on: a power-on reset, then the chip boots."""
        self.soc.power_on()

    def press_reset(self) -> None:
        """Pull NRST low and release it."""
        self.soc.reset("PIN")

    @property
    def boot0(self) -> bool:
        """The level of the BOOT0 pin; the next reset reads it."""
        return self.soc.boot0

    @boot0.setter
    def boot0(self, level: bool) -> None:
        self.soc.boot0 = level

    def _was_reset(self, cause: str) -> None:
        self.in_system_memory.leave()
        self.say(f"reset ({cause}): booting {BOOTED[self.soc.booted]}")

    # --- the ROM -------------------------------------------------------------------------------

    @property
    def arrival(self) -> Arrival | None:
        """The last arrival in system memory, None before the first. It is set when the CPU has
        been watched for `rom_run.WATCH_NS`."""
        return self.in_system_memory.arrival

    @property
    def rom(self) -> Bootloader | None:
        """The ROM model while it runs."""
        return self.in_system_memory.model

    def rom_listens(self) -> bool:
        """The ROM model has started and receives what the host sends."""
        return self.rom is not None and self.rom.listening

    @property
    def on_arrival(self) -> Callable[[Arrival], None]:
        """Called with each arrival."""
        return self.in_system_memory.on_arrival

    @on_arrival.setter
    def on_arrival(self, fn: Callable[[Arrival], None]) -> None:
        self.in_system_memory.on_arrival = fn

    @property
    def say(self) -> Callable[[str], None]:
        """Called with a sentence for each event: boot, arrival, command to the ROM, reset."""
        return self.in_system_memory.say

    @say.setter
    def say(self, fn: Callable[[str], None]) -> None:
        self.in_system_memory.say = fn

    # --- running -------------------------------------------------------------------------------

    def run(self, *, cycles: int | None = None, until_ns: int | None = None) -> Stop:
        """Run for `cycles` or until the clock reads `until_ns`, whichever is first.

        Returns:
            BUDGET: the chip was at work when the time was over; IDLE: it slept, or the ROM waited
            for the host; LOCKUP: the CPU has locked up, see `core.lockup`.
        """
        end = None if cycles is None else self.clock.cycles + cycles
        left = self._left(end, until_ns)
        while True:
            self._pump()
            stop = self._step(min(left, self._longest_step()))
            left = self._left(end, until_ns)
            if not left and stop is not Stop.BREAK:
                return stop

    def run_ms(self, ms: float) -> Stop:
        """Run for virtual milliseconds from now."""
        return self.run(until_ns=self.clock.now + int(ms * MS))

    def run_to_rom(self, longest_ms: int) -> Arrival | None:
        """Run until an arrival has been watched to its end, at most `longest_ms` virtual
        milliseconds. Returns it, or None."""
        for _ in range(longest_ms):
            if self.arrival:
                break
            self.run_ms(1)
        return self.arrival

    def _left(self, end: int | None, until_ns: int | None) -> int:
        if end is None and until_ns is None:
            raise ValueError("run() needs a limit: cycles= or until_ns=")
        left = MAX_STEP if until_ns is None else self.clock.cycles_until(until_ns)
        return left if end is None else max(min(end - self.clock.cycles, left), 0)

    def _longest_step(self) -> int:
        if self.in_system_memory.occupied:  # no program runs: only the wires and the clock matter
            return MAX_STEP
        return max(self.clock.hclk * SLICE_NS // NS_PER_S, 1)

    def _step(self, cycles: int) -> Stop:
        if not self.in_system_memory.occupied:
            stop = self.core.run(cycles=cycles)
            if stop is Stop.LOCKUP:
                self.clock.advance(cycles)  # time passes: a watchdog may reset the chip
            return stop
        # The code in system memory is an endless loop and the ROM model does not need the CPU. One
        # instruction is run so that a reset by a watchdog takes effect.
        self.clock.advance(cycles - 1)
        self.core.run(cycles=1)
        return Stop.IDLE

    def _pump(self) -> None:
        """Hand bytes from the host to the USART, or to the ROM model."""
        rom = self.in_system_memory
        for wire, ends in self._ends.items():
            if not wire.waiting:
                continue
            if not rom.occupied and not rom.arriving:
                self._talk()
                data = wire.from_host()
                for usart, line in ends:
                    usart.receive(line, data)
            elif rom.model and wire in self._rom_wires:
                rom.model.receive(wire.from_host())
            else:
                wire.from_host()  # lost: the ROM has not started, or does not listen on these pins

    def _talk(self) -> None:
        """What a firmware did before anybody has talked to it is its own: some official builds run
        a chip too fast, and do run."""
        if not self._talked_to:
            self._talked_to = True
            self.soc.accept_violations()
            for sentence in self.soc.accepted:
                self.say(f"the firmware, by itself: {sentence}")


def core_spec(die: chip.Chip) -> CoreSpec:
    """The core of a die, with the options that the die has of it."""
    return replace(
        CORES[die.core["model"]],
        irq_count=die.irq_count,
        prio_bits=die.core["nvic_priority_bits"],
        mpu_regions=die.core["mpu_regions"],
        fpu=die.core["fpu"],
        icache=die.core.get("icache_kib", 0) * 1024,
        dcache=die.core.get("dcache_kib", 0) * 1024,
    )
