"""State of the emulated CPU that Unicorn has no register number for.

Unicorn's CPU knows the PMSAv7 MPU (down to subregions and regions smaller than a page) and when to
create a floating-point context, but the registers that steer them live in QEMU's NVIC, which
Unicorn leaves out. They are part of what `uc_context_save()` saves and `uc_context_restore()` puts
back, so they are changed there: about 2 us a change, nothing while the CPU runs.

Their places are derived from registers that can be written (BASEPRI, IPSR, PRIMASK, ESR), and used
only if the words in between read what a reset leaves in them.
"""

from __future__ import annotations

import ctypes

from unicorn import unicorn_const as u
from unicorn.arm_const import (
    UC_ARM_REG_BASEPRI,
    UC_ARM_REG_ESR,
    UC_ARM_REG_IPSR,
    UC_ARM_REG_PRIMASK,
)
from unicorn.unicorn import Uc

# Distances from basepri in QEMU's `v7m` structure, in bytes.
_CCR, _MPU_CTRL, _EXCEPTION, _PRIMASK = 16, 60, 68, 72
_FPCAR_S, _FPCCR, _FPCCR_S, _FPDSCR, _CPACR_S, _NSACR = 132, 136, 140, 144, 156, 160
_FSR, _VADDRESS = 4, 8  # from the exception syndrome
_ALIGNMENT = 1  # DDI 0406C table B3-23
# The MPU's region registers end the context: three arrays, each after its length, then six
# lengths of 0 for registers that an ARMv7-M core has not got.
_TAIL_WORDS = 6
_STKALIGN, _NSACR_RESET, _ASPEN_LSPEN_S = 0x200, 0xCFF, 0xC0000004


class PrivateState:
    """`available` says whether the places were found; without it the setters do nothing."""

    #: Regions of the MPU in every ARMv7-M model of Unicorn.
    regions = 8

    def __init__(self, uc: Uc) -> None:
        self._uc = uc
        self._context = uc.context_save()
        self._size: int = self._context._size
        address = ctypes.cast(self._context.context, ctypes.c_void_p).value
        assert address
        self._words = (ctypes.c_uint32 * (self._size // 4)).from_address(address)
        self._basepri = self._find(UC_ARM_REG_BASEPRI, 0xA0, 0x50)
        self._syndrome = self._find(UC_ARM_REG_ESR, 0x12345678, 0x87654321)
        self.available = self._basepri > 0 and self._syndrome > 0 and self._looks_right()

    def set_mpu(self, enabled: bool, privdefena: bool, regions: list[tuple[int, int]]) -> None:
        """Up to `regions` of (base address, RASR), the one that wins last."""
        if not self.available:
            return
        self._uc.context_update(self._context)
        self._words[self._basepri + _MPU_CTRL // 4] = enabled | privdefena << 2
        first, step = self._first_region(), self.regions + 1
        unused = [(0, 0)] * (self.regions - len(regions))
        for n, (base, rasr) in enumerate(regions + unused):
            self._words[first + n] = base
            self._words[first + step + n] = rasr & 0xFFFF
            self._words[first + 2 * step + n] = rasr >> 16
        self._uc.context_restore(self._context)
        self._uc.ctl(u.UC_CTL_TLB_FLUSH, u.UC_CTL_IO_WRITE)

    def set_fp_context(self, *, aspen: bool, fpdscr: int, trap: int | None) -> None:
        """Whether FP instructions set CONTROL.FPCA, and FPSCR of a new context.

        With `trap`, an address, the next FP instruction begins by storing there: Unicorn ignores
        CPACR, but believes that a lazy FP context waits to be saved first.
        """
        if not self.available:
            return
        self._uc.context_update(self._context)
        words, v7m = self._words, self._basepri
        words[v7m + _FPCCR // 4] = aspen << 31
        words[v7m + _FPDSCR // 4] = fpdscr
        # Unicorn looks for a lazy context in the registers of the secure side, which an
        # ARMv7-M core does not have.
        words[v7m + _FPCCR_S // 4] = _ASPEN_LSPEN_S | (trap is not None)
        words[v7m + _FPCAR_S // 4] = trap or 0
        words[v7m + _CPACR_S // 4] = 0xF << 20
        self._uc.context_restore(self._context)

    def data_fault(self) -> tuple[int, bool]:
        """Address of the last refused data access, and whether it was for its alignment."""
        if not self.available:
            return 0, False
        self._uc.context_update(self._context)
        status = self._words[self._syndrome + _FSR // 4]
        return self._words[self._syndrome + _VADDRESS // 4], status & 0xF == _ALIGNMENT

    # -- finding the places ----------------------------------------------------------------

    def _find(self, register: int, first: int, second: int) -> int:
        """Index of the one word that follows `register`, or 0."""
        candidates = self._words_after(register, first) & self._words_after(register, second)
        self._uc.reg_write(register, 0)
        return candidates.pop() if len(candidates) == 1 else 0

    def _words_after(self, register: int, value: int) -> set[int]:
        self._uc.reg_write(register, value)
        self._uc.context_update(self._context)
        return {n for n, word in enumerate(self._words) if word == value}

    def _first_region(self) -> int:
        return len(self._words) - _TAIL_WORDS - 3 * (self.regions + 1) + 1

    def _looks_right(self) -> bool:
        self._uc.context_update(self._context)
        v7m = self._basepri
        lengths = [
            self._words[self._first_region() - 1 + n * (self.regions + 1)] for n in range(3)
        ]
        return (
            self._words[v7m + _CCR // 4] == _STKALIGN
            and self._words[v7m + _NSACR // 4] == _NSACR_RESET
            and lengths == [self.regions] * 3
            and v7m + _EXCEPTION // 4 in self._words_after(UC_ARM_REG_IPSR, 77)
            and v7m + _EXCEPTION // 4 in self._words_after(UC_ARM_REG_IPSR, 0)
            and v7m + _PRIMASK // 4 in self._words_after(UC_ARM_REG_PRIMASK, 1)
            and v7m + _PRIMASK // 4 in self._words_after(UC_ARM_REG_PRIMASK, 0)
        )
