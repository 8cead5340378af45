"""DMA: stream registers, flags, and memory-to-memory transfers (RM0090 10.3).

No block makes DMA requests: a stream that waits for one stays enabled.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chip import Peripheral
from .base import RegisterBlock, System

EN, TCIE, MINC, PINC = 1, 1 << 4, 1 << 10, 1 << 9  # SxCR
MEMORY_TO_MEMORY = 2  # SxCR.DIR
FLAG_SHIFTS = (0, 6, 16, 22)  # of streams 0 to 3 in LISR, 4 to 7 in HISR
TCIF = 1 << 5
NS_PER_ITEM = 50


class Dma(RegisterBlock):
    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._run = [0] * 8  # counts resets of a stream, so that a late transfer is dropped
        self.on_write("LIFCR", lambda value: self._clear("LISR", value))
        self.on_write("HIFCR", lambda value: self._clear("HISR", value))
        for stream in range(8):
            self.on_write(f"S{stream}CR", self._writer_of(stream))

    def reset(self) -> None:
        super().reset()
        self._run = [n + 1 for n in self._run]

    def _clear(self, status: str, value: int) -> None:
        self.put(status, self.get(status) & ~value)
        self._drive()

    def _writer_of(self, stream: int) -> Callable[[int], None]:
        name = f"S{stream}CR"

        def write(value: int) -> None:
            changed = self.store(name, value)
            if changed & EN:
                self._run[stream] += 1
                if value & EN and value >> 6 & 3 == MEMORY_TO_MEMORY:
                    self._start(stream)
            self._drive()

        return write

    def _start(self, stream: int) -> None:
        run = self._run[stream]
        ns = self.get(f"S{stream}NDTR") * NS_PER_ITEM

        def done() -> None:
            if self._run[stream] == run and self.clocked:
                self._transfer(stream)

        self.system.clock.after(ns, done)

    def _transfer(self, stream: int) -> None:
        cr = self.get(f"S{stream}CR")
        source, target = self.get(f"S{stream}PAR"), self.get(f"S{stream}M0AR")
        size = 1 << (cr >> 11 & 3)
        for _ in range(self.get(f"S{stream}NDTR")):
            item = self.system.read_memory(source, size)
            self.system.write_memory(target, size, item)
            source += size if cr & PINC else 0
            target += size if cr & MINC else 0
        self.put(f"S{stream}NDTR", 0)
        self.put(f"S{stream}CR", cr & ~EN)
        status = "LISR" if stream < 4 else "HISR"
        self.put(status, self.get(status) | TCIF << FLAG_SHIFTS[stream % 4])
        self._drive()

    def _drive(self) -> None:
        for stream in range(8):
            flags = self.get("LISR" if stream < 4 else "HISR") >> FLAG_SHIFTS[stream % 4]
            self.irq(bool(flags & TCIF and self.get(f"S{stream}CR") & TCIE), stream)
