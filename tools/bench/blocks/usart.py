"""USART: characters at their real speed, between the data registers and the wires on the pins.

A character takes as long as BRR and the bus clock say. It reaches a wire only while the TX pin
has the right alternate function, and one from a wire comes in only through such an RX pin. If
the speed is more than 4 % off that of the wire, the other side receives garbled bytes.

Two register layouts: v1 has one data register and flags cleared by reading SR, then DR (RM0090
30.6); v2 has RDR, TDR and flags cleared by ICR (RM0367 29.8, RM0433 51.8); v3 is v2 with PRESC,
which divides the clock first (RM0456 66, USART_PRESC). The flags used here have the same bit
numbers in SR and ISR. Clocked by the bus: other kernel clocks are not modelled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..chip import Peripheral
from ..clock import Event
from .base import Polling, RegisterBlock, System

PE, FE, NE, ORE, IDLE, RXNE, TC, TXE = (1 << bit for bit in range(8))  # SR, ISR
RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE = (1 << bit for bit in (2, 3, 4, 5, 6, 7))  # CR1
PCE, M, OVER8 = 1 << 10, 1 << 12, 1 << 15
UE_V1, UE_V2 = 1 << 13, 1 << 0
EIE, DMAR = 1, 1 << 6  # CR3
CLEARED_BY_DR = PE | FE | NE | ORE | IDLE
TEACK, REACK = 1 << 21, 1 << 22  # ISR
RXFRQ = 1 << 3  # RQR
PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)  # by PRESC; more are reserved
TOLERANCE = 0.04
GARBLED = 0x5A


@dataclass(frozen=True)
class Line:
    """A cable on two pins. `tx_selected` and `rx_selected` say whether the USART is connected
    to the pins now; `send` takes the bytes that the chip sends; `baud` is the speed of the
    host."""

    baud: int
    tx_selected: Callable[[], bool]
    rx_selected: Callable[[], bool]
    send: Callable[[bytes], None]


class Usart(RegisterBlock):
    """What both layouts share. `status` and `received_data` are the names of registers."""

    status: str
    received_data: str
    enable: int
    """CR1.UE"""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._sr = self.by_name[self.status].offset  # it is what programs poll
        self.lines: list[Line] = []
        self._incoming: deque[tuple[int, Line]] = deque()
        self._shifting: Event | None = None
        self._receiving: Event | None = None
        self._waiting: int | None = None  # to be sent while the shift register is busy
        self._level = False  # of the interrupt line
        self._baud: int | None = None
        self._polling = Polling(system)
        self.on_read(self.status, self._read_status)
        self.on_write("BRR", self._write_brr)
        for name in ("CR1", "CR3"):
            self.on_write(name, self._writer_of(name))

    def _read_status(self) -> int:
        raise NotImplementedError

    # --- outside -------------------------------------------------------------------------------

    def receive(self, line: Line, data: bytes) -> None:
        """Bytes arrive over `line`. They are lost if the receiver is off, as on a real chip."""
        if not self._listens() or not line.rx_selected():
            return
        self._incoming.extend((byte, line) for byte in data)
        if self._receiving is None:
            self._receiving = self.system.clock.after(self.character_ns(), self._received)

    @property
    def baud(self) -> int:
        """Bits per second, from BRR (RM0090 30.3.4)."""
        if self._baud is None:  # cached: it is needed twice for each character
            self._baud = self._compute_baud()
        return self._baud

    def _compute_baud(self) -> int:
        brr = self.get("BRR")
        divider = (brr >> 4) * 8 + (brr & 7) if self.get("CR1") & OVER8 else brr
        return self._frequency() // max(divider, 1)

    def _frequency(self) -> int:
        """Hz that BRR divides."""
        return self.system.frequency(self.facts.bus)

    def character_ns(self) -> int:
        """Start, 8 or 9 data, and one stop bit."""
        bits = 11 if self.get("CR1") & M else 10
        return bits * 1_000_000_000 // max(self.baud, 1)

    def reset(self) -> None:
        super().reset()
        self._level = False
        self._baud = None
        if self._shifting:
            self._shifting.cancel()
        self._shifting = self._waiting = None
        self._stop_receiving()

    def clock_changed(self) -> None:
        self._baud = None

    # --- sending -------------------------------------------------------------------------------

    def send(self, value: int, cleared: int) -> None:
        """Software has written a character, which clears these flags."""
        if not self._on(TE):
            return
        self._set_sr(self.values[self._sr] & ~cleared)
        if self._shifting is None:
            self._shift(value)
        else:
            self._waiting = value
        self._drive()

    def _shift(self, value: int) -> None:
        self._set_sr(self.values[self._sr] & ~TC | TXE)
        self._shifting = self.system.clock.after(self.character_ns(), lambda: self._sent(value))

    def _sent(self, value: int) -> None:
        self._shifting = None
        data = bytes([value & (0x7F if self._seven_bits() else 0xFF)])
        for line in self.lines:
            if line.tx_selected():
                line.send(data if self._speed_fits(line) else bytes([data[0] ^ GARBLED]))
        if self._waiting is not None:
            value, self._waiting = self._waiting, None
            self._shift(value)
        else:
            self._set_sr(self.values[self._sr] | TC | TXE)
        self._drive()

    # --- receiving -----------------------------------------------------------------------------

    def _stop_receiving(self) -> None:
        """Drop the characters that are being received."""
        if self._receiving:
            self._receiving.cancel()
        self._receiving = None
        self._incoming.clear()

    def _received(self) -> None:
        self._receiving = None
        if not self._listens():
            self._stop_receiving()
            return
        byte, line = self._incoming.popleft()
        sr = self.values[self._sr]
        if sr & RXNE:
            sr |= ORE  # the new character is lost, the one in DR stays
        else:
            fits = self._speed_fits(line)
            self.put(self.received_data, byte if fits else byte ^ GARBLED)
            sr |= RXNE | (0 if fits else FE)
        self._set_sr(sr)
        next_step = self._received if self._incoming else self._idle
        self._receiving = self.system.clock.after(self.character_ns(), next_step)
        self._drive()

    def _idle(self) -> None:
        """The line was idle for a frame."""
        self._receiving = None
        if self._incoming:
            self._received()
            return
        self._set_sr(self.values[self._sr] | IDLE)
        self._drive()

    # --- status and interrupts -----------------------------------------------------------------

    def _write_brr(self, value: int) -> None:
        self.store("BRR", value)
        self._baud = None

    def _writer_of(self, name: str) -> Callable[[int], None]:
        def write(value: int) -> None:
            self.store(name, value)
            self._baud = None
            if not self._listens():
                self._stop_receiving()
            self._drive()

        return write

    def _drive(self) -> None:
        sr, cr1 = self.values[self._sr], self.get("CR1")
        wanted = sr & cr1 & (TXEIE | TCIE | RXNEIE | IDLEIE)  # the same bit numbers as in SR
        if sr & ORE and cr1 & RXNEIE:
            wanted |= ORE
        if self.get("CR3") & EIE and sr & (FE | ORE | NE) and self.get("CR3") & DMAR:
            wanted |= sr & (FE | ORE | NE)
        level = bool(wanted) and bool(cr1 & self.enable)
        if level != self._level:
            self._level = level
            self.irq(level)

    def _set_sr(self, value: int) -> None:
        self.values[self._sr] = value

    @property
    def sends(self) -> bool:
        """Software has switched the transmitter on."""
        return self.clocked and not self.held and self._on(TE)

    def _on(self, bit: int) -> bool:
        return self.get("CR1") & (self.enable | bit) == self.enable | bit

    def _listens(self) -> bool:
        return self.clocked and not self.held and self._on(RE)

    def _seven_bits(self) -> bool:
        return self.get("CR1") & (M | PCE) == PCE

    def _speed_fits(self, line: Line) -> bool:
        return abs(self.baud - line.baud) <= line.baud * TOLERANCE


class UsartV1(Usart):
    status, received_data, enable = "SR", "DR", UE_V1

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._sr_was_read = 0  # bits that a following access to DR clears
        self.on_write("SR", self._write_sr)
        self.on_read("DR", self._read_dr)
        self.on_write("DR", lambda value: self.send(value, TXE | TC & self._sr_was_read))

    def reset(self) -> None:
        super().reset()
        self._sr_was_read = 0

    def _read_status(self) -> int:
        sr = self.values[self._sr]
        self._polling.note(sr == self._sr_was_read and sr & (TXE | TC) != TXE | TC)
        self._sr_was_read = sr
        return sr

    def _write_sr(self, value: int) -> None:
        self._set_sr(self.values[self._sr] & (value | ~(RXNE | TC)))
        self._drive()

    def _read_dr(self) -> int:
        self._set_sr(self.values[self._sr] & ~(RXNE | self._sr_was_read & CLEARED_BY_DR))
        self._sr_was_read = 0
        self._drive()
        return self.get("DR")


class UsartV2(Usart):
    status, received_data, enable = "ISR", "RDR", UE_V2

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._isr_was = 0  # at the last read
        self.on_write("ICR", lambda value: self._clear(value & (CLEARED_BY_DR | TC)))
        self.on_write("RQR", lambda value: self._clear(RXNE if value & RXFRQ else 0))
        self.on_read("RDR", self._read_rdr)
        self.on_write("TDR", lambda value: self.send(value, TXE | TC))
        self.on_write("CR1", self._write_cr1)
        if self.has("PRESC"):
            self.on_write("PRESC", self._writer_of("PRESC"))

    def _frequency(self) -> int:
        presc = self.get("PRESC") if self.has("PRESC") else 0
        return super()._frequency() // PRESCALERS[min(presc, len(PRESCALERS) - 1)]

    def _read_status(self) -> int:
        isr = self.values[self._sr]
        isr |= (TEACK if self._on(TE) else 0) | (REACK if self._on(RE) else 0)
        self._polling.note(isr == self._isr_was and isr & (TXE | TC) != TXE | TC)
        self._isr_was = isr
        return isr

    def _clear(self, flags: int) -> None:
        self._set_sr(self.values[self._sr] & ~flags)
        self._drive()

    def _read_rdr(self) -> int:
        self._clear(RXNE)
        return self.get("RDR")

    def _write_cr1(self, value: int) -> None:
        """UE = 0 resets the flags (RM0367 29.8.1)."""
        if self.get("CR1") & ~value & UE_V2:
            self._set_sr(self.by_name["ISR"].reset)
        self._writer_of("CR1")(value)


class Lpuart(UsartV2):
    """RM0351 41.4.4: BRR has 256 times the divider, and there is no OVER8."""

    def _compute_baud(self) -> int:
        return 256 * self._frequency() // max(self.get("BRR"), 1)
