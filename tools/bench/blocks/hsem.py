"""HSEM: semaphores that two cores share. The other core of a virtual chip takes none.

Their registers are in `written`, so that the audit names one that is still taken.
"""

from __future__ import annotations

from .base import RegisterBlock

# ST's SVD files of WB, WL and H7: R0 to R31; RLR0 to RLR31, of which a read takes a semaphore
READ_LOCK, END = 0x80, 0x100
LOCK, OWNER = 1 << 31, 0xFFF  # R: COREID in bits 11:8, PROCID in 7:0
CORE_ID = {"cortex-m7": 3}  # HSEM_CPU1_COREID of ST's CMSIS headers; of others:
OTHER_ID = 4


class Hsem(RegisterBlock):
    def read(self, offset: int, size: int) -> int:
        """As `LL_HSEM_1StepLock` of ST's LL drivers takes a semaphore."""
        if not READ_LOCK <= offset < END or not self.clocked:
            return super().read(offset, size)
        semaphore = offset - READ_LOCK
        if not self.held and not self.written.get(semaphore):
            self.written[semaphore] = LOCK | self._core_id << 8
        return self.written.get(semaphore, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        """Take a free one, as its own core; free one as its owner."""
        if offset >= READ_LOCK or not self.clocked or self.held:
            super().write(offset, size, value)
            return
        taken = self.written.get(offset, 0)
        if value & LOCK and not taken and value & OWNER >> 8 << 8 == self._core_id << 8:
            self.written[offset] = value & (LOCK | OWNER)
        elif not value & LOCK and taken & OWNER == value & OWNER:
            self.written.pop(offset, None)

    @property
    def _core_id(self) -> int:
        return CORE_ID.get(self.system.chip.core["model"], OTHER_ID)
