"""FLASH of the L1 (RM0038 3): as that of the L0, with 64-bit access, larger pages and other option
bytes."""

from __future__ import annotations

from collections.abc import Iterator

from .flash_l0 import FlashL0, with_complement

LATENCY_PRFTEN, ACC64 = 3, 1 << 2  # ACR
FIRST_WORDS = 4  # OBR, WRPR1 to 3; the rest of the option bytes is at 0x80


class FlashL1(FlashL0):
    OPTIONS = ("OBR", "WRPR1", "WRPR2", "WRPR3", "WRPR4")
    DUAL_BOOT = ("OBR", 1 << 23, 0)  # nBFB2; AN2606 table 2, pattern 4
    FLAGS = 2 | 0x3F00
    HALF_PAGE_WORDS = 32
    NOTZEROERR = 0  # no such flag in the header

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0038 3.6, table 17: two areas."""
        base = self.system.chip.region("OPTIONS").base
        words = [with_complement(self.stored_options[n]) for n in self.OPTIONS if self.has(n)]
        yield base, b"".join(words[:FIRST_WORDS])
        if more := words[FIRST_WORDS:]:
            yield base + 0x80, b"".join(more)

    def _write_acr(self, value: int) -> None:
        """A wait state and the prefetch need 64-bit access, which needs a write of its own
        (RM0038 3.9.1)."""
        old = self.get("ACR")
        if not old & ACC64:
            value &= ~LATENCY_PRFTEN
        elif old & LATENCY_PRFTEN:
            value |= ACC64
        super()._write_acr(value)
