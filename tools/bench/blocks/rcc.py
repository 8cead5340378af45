"""RCC: oscillators, the system clock, and the clock and reset of every other block.

One for all families: where the bits are comes from the family file, the clock tree and the rules
of one family from a subclass in `families/`. Oscillators take their start-up time in
virtual time. HSE and LSE run only if the board has them.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chip import Peripheral
from ..clock import NS_PER_S, Event
from .base import Polling, RegisterBlock, System
from .clocktree import Frequencies, ahb_shift, apb_shift, divide
from .oscillators import Oscillators
from .rcc_parts import Gates, ReadyInterrupts

# Of the slower clock, until another drives the chip. No manual has a figure; a multiplexer that
# makes no spikes passes two edges of each clock at least.
SWITCH_CYCLES = 4
SLOWEST_HZ = 32_768  # a PLL that multiplies by 0 is not waited for


class Rcc(RegisterBlock):
    """Attributes for boards: `hse_hz` (0: none), `lse` (True if there is a 32 kHz crystal)."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.hse_hz = 0
        self.lse = False
        data = system.chip.rcc
        self._switch = data["switch"]
        self._prescalers = data["prescalers"]
        self._backup = data["backup"]
        self._flags_register = data["reset_flags"]["register"]
        self._flags = {name: 1 << bit for name, bit in data["reset_flags"]["bits"].items()}
        self._css = 1 << data["control"]["css"]
        self._bypass = 1 << data["control"]["hse_bypass"]
        self._source = 0  # the value of SWS
        self._switching: Event | None = None
        self._gates = Gates(self)
        self._interrupts = ReadyInterrupts(self, data["ready_interrupts"])
        self.oscillators = Oscillators(self, self._interrupts.ready, self.update_clocks)
        self.on_clocks: Callable[[], None] = lambda: None
        self.on_backup_reset: Callable[[], None] = lambda: None
        self._connect_registers()
        self.clocks = self.frequencies()

    def _connect_registers(self) -> None:
        polling = Polling(self.system)
        for name in self.oscillators.registers:
            self.on_read(name, self._reader_of(name, polling))
        for name in self._control_registers():
            self.on_write(name, lambda value, name=name: self._write_control(name, value))
        for name in {name for name, _ in self._prescalers.values()} - self._control_registers():
            self.on_write(name, lambda value, name=name: self._write_prescalers(name, value))

    def _control_registers(self) -> set[str]:
        """Those with bits that belong to oscillators, the switch, flags or the backup domain."""
        found = self.oscillators.registers
        return found | {self._switch["register"], self._flags_register, self._backup["register"]}

    def connect(self, register: str, mask: int, switch: Callable[[bool], None]) -> None:
        """Call `switch(level)` when a bit of an xxxENR or xxxRSTR register changes."""
        self._gates.connect(register, mask, switch)

    # --- for a family --------------------------------------------------------------------------

    def _hz(self, name: str) -> int:
        """Of an oscillator or a PLL; "" is a reserved source."""
        raise NotImplementedError

    def ahb(self, hz: int, hpre: int) -> int:
        """What a prescaler field of 4 bits makes of `hz`."""
        return divide(hz, ahb_shift(hpre))

    def locked(self, name: str) -> int:
        """Bits of a control register that cannot be changed now."""
        return 0

    def leaving(self) -> str | None:
        """What is wrong if the system clock is switched to another source now."""
        sysclk, most = self._hz(self.source), self.system.chip.rcc.get("one_step_hz")
        if most is None or sysclk <= most or ahb_shift(self._field("AHB")):
            return None
        return f"SYSCLK leaves {sysclk} Hz in one step: HPRE must halve HCLK before"

    # --- reset ---------------------------------------------------------------------------------

    def reset(self) -> None:
        """System reset without a cause."""
        self.system_reset(None)

    def system_reset(self, cause: str | None) -> None:
        """The backup domain and the reset flags stay. A cause: "PIN", "SFT", "IWDG" ..."""
        self.oscillators.reset(kept=self._survivors())
        kept = {name: self.get(name) & mask for name, mask in self._survivors().items()}
        before = dict(self.values)
        super().reset()
        for name, mask in self._survivors().items():
            self.put(name, self.get(name) & ~mask | kept[name])
        if cause:
            causes = {cause, *self.system.chip.rcc["reset_flags"]["always"]}
            flags = sum(self._flags[name] for name in causes)
            self.put(self._flags_register, self.get(self._flags_register) | flags)
        self._after_reset(before)

    def power_on(self) -> None:
        """A power-on reset, of the backup domain too."""
        self.oscillators.reset(kept={})
        before = dict(self.values)
        super().reset()
        self.on_backup_reset()
        self._after_reset(before)

    def _survivors(self) -> dict[str, int]:
        """Register -> the bits that a system reset keeps."""
        found = {self._backup["register"]: self._backup["bits"]}
        found[self._flags_register] = found.get(self._flags_register, 0) | self._all_flags
        return found

    @property
    def _all_flags(self) -> int:
        return sum(self._flags.values())

    def _after_reset(self, before: dict[int, int]) -> None:
        if self._switching:
            self._switching.cancel()
            self._switching = None
        self._source = self.get(self._switch["register"]) & self._switch["sw"]
        self._gates.changed(before)
        self.update_clocks()

    # --- control registers ---------------------------------------------------------------------

    def _write_control(self, name: str, value: int) -> None:
        old = self.get(name)
        if name == self._flags_register:
            clear = 1 << self.system.chip.rcc["reset_flags"]["clear"]
            if value & clear:
                self.put(name, self.get(name) & ~self._all_flags)
            value &= ~clear
        register = self.by_name[name]
        kept = ~register.writable | self.get(name) & register.set_only
        kept |= self._set_by_hardware(name) | self.locked(name)
        if name == self._backup["register"]:
            kept |= self._protected(value)
        self.put(name, self.get(name) & kept | value & ~kept)
        if name == self._backup["register"] and self.get(name) >> self._backup["reset"] & 1:
            self._reset_backup()
        self.oscillators.follow(name, old)
        self.update_clocks()

    def _set_by_hardware(self, name: str) -> int:
        """Ready bits, flags, SWS; the on bits of what the system clock needs."""
        mine = self.oscillators.within(name)
        bits = sum(o.ready for o in mine)
        bits |= sum(o.on for o in mine if o.name in self._in_use() and self.get(name) & o.on)
        hse = self.oscillators["HSE"]
        if name == hse.register and self.get(name) & (hse.on | hse.ready):
            bits |= self._bypass
        if name == self._switch["register"]:
            bits |= self._switch["sws"]
        return bits | (self._all_flags if name == self._flags_register else 0)

    def _in_use(self) -> set[str | None]:
        """The oscillators and PLLs that the system clock needs: they cannot be switched off."""
        return {self.source, self.pll_source()} if self._source_is_pll else {self.source}

    def _reader_of(self, register: str, polling: Polling) -> Callable[[], int]:
        offset = self.by_name[register].offset
        mine = self.oscillators.within(register)

        def read() -> int:
            value = self.values[offset]
            polling.note(any(value & o.on and not value & o.ready for o in mine))
            return value

        return read

    # --- the backup domain ---------------------------------------------------------------------

    def _protected(self, value: int) -> int:
        """Bits of its register that this write cannot change."""
        source = 3 << self._backup["rtc_source"]
        if not self.system.backup_writable():
            return self._backup["bits"]
        # the source of the RTC can be chosen once; a reset of the domain takes everything
        chosen = self.get(self._backup["register"]) & source
        return source if chosen and not value & 1 << self._backup["reset"] else 0

    def _reset_backup(self) -> None:
        register, reset = self._backup["register"], 1 << self._backup["reset"]
        self.put(register, self.get(register) & ~self._backup["bits"] | reset)
        self.on_backup_reset()

    @property
    def rtc_runs(self) -> bool:
        """The clock of the RTC is on, and its oscillator runs."""
        value = self.get(self._backup["register"])
        name = (None, "LSE", "LSI", "HSE")[value >> self._backup["rtc_source"] & 3]
        return bool(value >> self._backup["rtc_enable"] & 1) and bool(name) and self.is_ready(name)

    # --- oscillators ---------------------------------------------------------------------------

    def is_ready(self, name: str) -> bool:
        return self.oscillators.is_ready(name)

    def is_on(self, name: str) -> bool:
        return self.oscillators.is_on(name)

    def force_lsi(self) -> None:
        """The independent watchdog runs, so LSI runs and cannot be switched off. LSION stays as
        software wrote it: LSIRDY without LSION shows that the watchdog runs."""
        self.oscillators.lsi_forced = True
        self.oscillators.start("LSI")

    @property
    def lsi_forced_bits(self) -> tuple[str, int]:
        """The register with LSI's bits, and the bits, while the watchdog forces it on."""
        lsi = self.oscillators["LSI"]
        return lsi.register, lsi.on | lsi.ready

    def fail_hse(self) -> None:
        """The crystal stops: clock security switches to the clock that is used after a reset."""
        hse = self.oscillators["HSE"]
        old = self.get(hse.register)
        self.hse_hz, secured = 0, old & self._css
        on_pll = self._source_is_pll and self.pll_source() == "HSE"
        if self.source == "HSE" or on_pll:
            self.oscillators.set_bits(self.source, on=False)
            safe = self.system.chip.reset_source
            self.oscillators.set_bits(safe, on=True)
            switch, self._source = self._switch["register"], self._switch["sources"].index(safe)
            self.put(switch, self.get(switch) & ~self._switch["sw"] | self._source)
        self.oscillators.set_bits("HSE", on=False)
        self.oscillators.follow(hse.register, old)  # cancels a start
        self.oscillators.restart_plls()
        self.update_clocks()
        if secured:
            self._interrupts.rise(self._interrupts.css)
            self.system.nmi()

    # --- the system clock ----------------------------------------------------------------------

    def pll_source(self) -> str:
        """The oscillator that feeds the PLLs; "" if none is chosen."""
        register, shift, names = self.system.chip.rcc["pll_source"]
        return names[(self.get(register) >> shift) % len(names)]

    def frequencies(self) -> Frequencies:
        """The present ones. The core has a prescaler of its own on few families."""
        sysclk = self._hz(self.source)
        cpu = self.ahb(sysclk, self._field("CPU")) if "CPU" in self._prescalers else sysclk
        hclk = self.ahb(cpu, self._field("AHB"))
        buses = [bus for bus in self._prescalers if bus.startswith("APB")]
        pclks = {bus: divide(hclk, apb_shift(self._field(bus))) for bus in buses}
        return Frequencies(cpu if "CPU" in self._prescalers else hclk, hclk, pclks)

    def _field(self, prescaler: str) -> int:
        """The register from that field on."""
        register, shift = self._prescalers[prescaler]
        return self.get(register) >> shift

    def _write_prescalers(self, name: str, value: int) -> None:
        self.store(name, value)
        self.update_clocks()

    @property
    def source(self) -> str:
        """The name of the oscillator or PLL that SYSCLK comes from."""
        return self._switch["sources"][self._source]

    @property
    def source_number(self) -> int:
        """The value of SWS."""
        return self._source

    @property
    def _source_is_pll(self) -> bool:
        return self.source in self.oscillators.plls

    def update_clocks(self) -> None:
        """Switch to the source in SW as soon as it is ready, then work out the frequencies."""
        register, sws = self._switch["register"], self._switch["sws"]
        if self._switching is None and self._can_switch():
            hz = max(min(self.clocks.hclk, self._hclk_from(self._wanted())), SLOWEST_HZ)
            ns = SWITCH_CYCLES * NS_PER_S // hz
            self._switching = self.system.clock.after(ns, self._switch_over)
        self.put(register, self.get(register) & ~sws | self._source * (sws & -sws))
        self.clocks = self.frequencies()
        self.on_clocks()

    def _can_switch(self) -> bool:
        wanted, sources = self._wanted(), dict(enumerate(self._switch["sources"]))
        name = sources.get(wanted)  # "" or None: reserved
        return wanted != self._source and bool(name) and self.is_ready(sources[wanted])

    def _hclk_from(self, source: int) -> int:
        """HCLK if this value of SWS were the present one."""
        present, self._source = self._source, source
        hclk = self.frequencies().hclk
        self._source = present
        return hclk

    def _wanted(self) -> int:
        return self.get(self._switch["register"]) & self._switch["sw"]

    def _switch_over(self) -> None:
        self._switching = None
        if self._can_switch():
            if problem := self.leaving():
                self.system.violation(problem)
            self._source = self._wanted()
        self.update_clocks()
