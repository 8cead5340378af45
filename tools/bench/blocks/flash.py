"""FLASH: the array, its sectors, locks, and the time that an operation takes.

A program or erase operation changes the array when it starts, and then BSY is set for its time.
How software starts one depends on the family: a subclass in `families/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..chip import FlashSector, Peripheral
from ..cpu.memory import BusError, Memory
from .base import RegisterBlock, System

MS = 1_000_000


class Unlock:
    """Two keys in a row open a lock. Any other value is a bus error, and the lock stays closed
    until a reset (RM0090 3.6.1, RM0367 3.3.4, RM0433 4.5.1). No manual says what a key does while
    the lock is open, so that is a bus error too."""

    def __init__(
        self, keys: tuple[int, int], opened: Callable[[], None], is_open: Callable[[], bool]
    ) -> None:
        self._keys = keys
        self._opened = opened
        self._is_open = is_open
        self._seen = 0
        self._blocked = False

    def reset(self) -> None:
        self._seen, self._blocked = 0, False

    def write(self, value: int) -> None:
        if self._blocked or self._is_open() or value != self._keys[self._seen]:
            self._blocked = True
            raise BusError("wrong key")
        self._seen += 1
        if self._seen == len(self._keys):
            self._seen = 0
            self._opened()


class Flash(RegisterBlock):
    """Attributes:
    array: the main flash, from `base_address` on.
    swapped: bank 2 is seen there first, and bank 1 behind it.
    stored_options: the option bytes as kept in flash, by the register that shows them; a reset
        loads them.
    on_options: called after a change of the option bytes.
    """

    OPTIONS: tuple[str, ...] = ()
    """The registers that show option bytes."""
    DUAL_BOOT: tuple[str, int, int] | None = None
    """Register, bit and level of the option by which the ROM chooses a bank (BFB2)."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.sectors = self.layout()
        self.base_address = self.sectors[0].base
        self.erased: int = system.chip.flash["erased"]
        end = self.sectors[-1].base + self.sectors[-1].size
        self.array = Memory(end - self.base_address, fill=self.erased, name="flash")
        self.swapped = False
        self.stored_options = {n: self.by_name[n].reset for n in self.OPTIONS if self.has(n)}
        self.on_options: Callable[[], None] = lambda: None
        self.program_ns: int = system.chip.flash["program_ns"]
        self._locks: list[Unlock] = []

    def lock(
        self, key_register: str, keys: tuple[int, int], register: str, bit: int, after: int = 0
    ) -> None:
        """For subclasses: `keys` in `key_register` clear `bit` of `register`, if the bits `after`
        of it are clear then."""

        def open_it() -> None:
            if not self.get(register) & after:
                self.put(register, self.get(register) & ~bit)

        unlock = Unlock(keys, open_it, lambda: not self.get(register) & bit)
        self._locks.append(unlock)
        self.on_write(key_register, unlock.write)

    # --- for the rest of the bench -------------------------------------------------------------

    @property
    def two_banks(self) -> bool:
        """Option bytes divide it otherwise than as delivered."""
        return False

    def layout(self) -> tuple[FlashSector, ...]:
        """Its sectors, bank 1 first."""
        return self.system.chip.sectors(two_banks=self.two_banks)

    @property
    def wait_states(self) -> int:
        """ACR.LATENCY."""
        return self.get("ACR") & 0xF

    @property
    def prefetch(self) -> bool:
        return False

    @property
    def instruction_cache(self) -> bool:
        return False

    @property
    def hardware_watchdog(self) -> bool:
        """The option by which the independent watchdog starts after a reset."""
        raise NotImplementedError

    @property
    def rdp(self) -> int:
        """The RDP byte in flash."""
        raise NotImplementedError

    @rdp.setter
    def rdp(self, value: int) -> None:
        raise NotImplementedError

    @property
    def nwrp(self) -> int:
        """Write protection in flash: bit n is 1 if part n can be written. A part is a sector, or
        `protect_kib` of the family file."""
        raise NotImplementedError

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        raise NotImplementedError

    @property
    def writable(self) -> int:
        """The same with what else protects a part from being written, as PCROP does."""
        return self.nwrp

    def boot(self, boot0: bool) -> str:
        """Called at each reset, with the level of the BOOT0 pin: the memory that it starts,
        "FLASH", "BANK2" or "SYSTEM"."""
        return "SYSTEM" if boot0 else self.bank_to_boot()

    def bank_to_boot(self) -> str:
        """What a reset starts that the pins and other options lead to the flash: with BFB2 the
        ROM runs first, and starts bank 2 if an application is in it, else bank 1 if one is there,
        else it stays (AN2606, figures of the dual bank boot)."""
        if self.DUAL_BOOT is None or self.sectors[-1].bank == 1:
            return "FLASH"
        register, bit, level = self.DUAL_BOOT
        if not self.by_name[register].mask & bit or bool(self.get(register) & bit) != level:
            return "FLASH"
        banks = (("BANK2", 2), ("FLASH", 1))
        return next((name for name, bank in banks if self._has_application(bank)), "SYSTEM")

    def _has_application(self, bank: int) -> bool:
        """The first word is a stack pointer in SRAM."""
        stack = self.array.load(self.start_of_bank(bank) - self.base_address, 4)
        chip = self.system.chip
        return any(r.kind == "sram" and r.base < stack <= r.end for r in chip.memory)

    def start_of_bank(self, bank: int) -> int:
        """Its address now."""
        return min(s.base for s in self.sectors if s.bank == bank)

    def swap_banks(self) -> None:
        """Show bank 2 before bank 1, or back. Sectors keep their bank and their number."""
        half = self.array.size // 2
        self.array.write(0, self.array.read(half, half) + self.array.read(0, half))
        middle = self.base_address + half
        self.sectors = tuple(
            replace(s, base=s.base + (half if s.base < middle else -half)) for s in self.sectors
        )
        self.swapped = not self.swapped

    def contents(self) -> bytes:
        """Bank 1, then bank 2."""
        data, half = bytes(self.array.view), self.array.size // 2
        return data[half:] + data[:half] if self.swapped else data

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """The option bytes where they are mapped in memory: address, bytes."""
        yield from ()

    def program(self, address: int, size: int, value: int) -> bool:
        """A store of the CPU into the array; True if the array now holds just these bytes."""
        raise NotImplementedError

    def program_eeprom(self, memory: Memory, offset: int, size: int, value: int) -> bool:
        """The same in data EEPROM."""
        raise NotImplementedError

    # --- option bytes --------------------------------------------------------------------------

    def store_options(self, name: str, mask: int, value: int) -> None:
        """Change bits of the option bytes in flash. No effect if the die does not have them."""
        if name in self.stored_options:
            self.stored_options[name] = self.stored_options[name] & ~mask | value & mask
            self.on_options()

    def reset(self) -> None:
        """A system reset loads the option bytes."""
        super().reset()
        for name, value in self.stored_options.items():
            self.put(name, value)
        for lock in self._locks:
            lock.reset()

    # --- for subclasses ------------------------------------------------------------------------

    def sector_at(self, address: int) -> FlashSector:
        return next(s for s in self.sectors if s.base <= address < s.base + s.size)

    def blank(self, sector: FlashSector) -> None:
        self.array.fill(sector.base - self.base_address, sector.size, self.erased)

    def erase_ns(self, sectors: list[FlashSector]) -> int:
        """Time to erase `sectors`; banks are erased at the same time."""
        times = self.system.chip.flash["erase_ms"]
        first = sectors[0].bank
        return sum(int(times[f"{s.size / 1024:g}"] * MS) for s in sectors if s.bank == first)

    def take(self, ns: int, done: Callable[[], None]) -> None:
        """Call `done` after `ns`; code in flash cannot be fetched until then (RM0090 3.6.2)."""
        self.system.clock.after(ns, done)
        self.system.stall_fetches(ns)

    def skip_if_busy(self, busy: int) -> None:
        """To be called when a program reads the busy flag."""
        if busy:
            self.system.skip_to_next_event()

    def report_locked(self, address: int, needed: str) -> None:
        self.system.report(
            f"the program writes to flash at 0x{address:08X} without {needed}: nothing is "
            f"programmed"
        )


class OneStatusFlash(Flash):
    """A family whose banks share one status register SR."""

    CONTROL: str
    """The register with EOPIE."""
    EOPIE: int
    BSY: int
    EOP: int
    FLAGS: int
    """The bits of SR that are cleared by writing 1."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_read("SR", self._read_sr)
        self.on_write("SR", self._write_sr)

    def _read_sr(self) -> int:
        sr = self.get("SR")
        self.skip_if_busy(sr & self.BSY)
        return sr

    def _write_sr(self, value: int) -> None:
        self.put("SR", self.get("SR") & ~(value & self.FLAGS))
        self.irq(bool(self.get("SR") & self.EOP))

    def fail(self, flag: int) -> None:
        self.put("SR", self.get("SR") | flag)

    def start(self, ns: int) -> None:
        self.put("SR", self.get("SR") | self.BSY)
        self.take(ns, self.done)

    def done(self) -> None:
        sr = self.get("SR") & ~self.BSY
        if self.get(self.CONTROL) & self.EOPIE:
            sr |= self.EOP
        self.put("SR", sr)
        self.irq(bool(sr & self.EOP))
