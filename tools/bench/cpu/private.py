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
import functools
from dataclasses import dataclass

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

#: Regions of the MPU in every ARMv7-M model of Unicorn.
REGIONS = 8


@dataclass(frozen=True, slots=True)
class _Places:
    """Indices of words in a context, of all that are derived from them."""

    basepri: int
    syndrome: int


class _Context:
    """What `uc_context_save()` saves, as words."""

    def __init__(self, uc: Uc) -> None:
        self._uc = uc
        self._context = uc.context_save()
        address = ctypes.cast(self._context.context, ctypes.c_void_p).value
        assert address
        self.words = (ctypes.c_uint32 * (self._context._size // 4)).from_address(address)

    def update(self) -> None:
        """Read them from the CPU."""
        self._uc.context_update(self._context)

    def restore(self) -> None:
        """Give them to the CPU."""
        self._uc.context_restore(self._context)

    @property
    def first_region(self) -> int:
        return len(self.words) - _TAIL_WORDS - 3 * (REGIONS + 1) + 1


class PrivateState:
    """Of an engine for a model of CPU. `available` says whether the places were found; without it
    the setters do nothing."""

    def __init__(self, uc: Uc, model: int) -> None:
        self._uc = uc
        self._context = _Context(uc)
        self._words = self._context.words
        places = _find_places(model)
        self.available = places is not None
        self._basepri, self._syndrome = (places.basepri, places.syndrome) if places else (0, 0)

    def set_mpu(self, enabled: bool, privdefena: bool, regions: list[tuple[int, int]]) -> None:
        """Up to REGIONS of (base address, RASR), the one that wins last."""
        if not self.available:
            return
        self._context.update()
        self._words[self._basepri + _MPU_CTRL // 4] = enabled | privdefena << 2
        first, step = self._context.first_region, REGIONS + 1
        unused = [(0, 0)] * (REGIONS - len(regions))
        for n, (base, rasr) in enumerate(regions + unused):
            self._words[first + n] = base
            self._words[first + step + n] = rasr & 0xFFFF
            self._words[first + 2 * step + n] = rasr >> 16
        self._context.restore()
        self._uc.ctl(u.UC_CTL_TLB_FLUSH, u.UC_CTL_IO_WRITE)

    def set_fp_context(self, *, aspen: bool, fpdscr: int, trap: int | None) -> None:
        """Whether FP instructions set CONTROL.FPCA, and FPSCR of a new context.

        With `trap`, an address, the next FP instruction begins by storing there: Unicorn ignores
        CPACR, but believes that a lazy FP context waits to be saved first.
        """
        if not self.available:
            return
        self._context.update()
        words, v7m = self._words, self._basepri
        words[v7m + _FPCCR // 4] = aspen << 31
        words[v7m + _FPDSCR // 4] = fpdscr
        # Unicorn looks for a lazy context in the registers of the secure side, which an
        # ARMv7-M core does not have.
        words[v7m + _FPCCR_S // 4] = _ASPEN_LSPEN_S | (trap is not None)
        words[v7m + _FPCAR_S // 4] = trap or 0
        words[v7m + _CPACR_S // 4] = 0xF << 20
        self._context.restore()

    def data_fault(self) -> tuple[int, bool]:
        """Address of the last refused data access, and whether it was for its alignment."""
        if not self.available:
            return 0, False
        self._context.update()
        status = self._words[self._syndrome + _FSR // 4]
        return self._words[self._syndrome + _VADDRESS // 4], status & 0xF == _ALIGNMENT


@functools.cache
def _find_places(model: int) -> _Places | None:
    """They are the same in every engine for a model, and looking for them takes a while."""
    return _Search(Uc(u.UC_ARCH_ARM, u.UC_MODE_THUMB, cpu=model)).places()


class _Search:
    def __init__(self, uc: Uc) -> None:
        self._uc = uc
        self._context = _Context(uc)

    def places(self) -> _Places | None:
        basepri = self._find(UC_ARM_REG_BASEPRI, 0xA0, 0x50)
        syndrome = self._find(UC_ARM_REG_ESR, 0x12345678, 0x87654321)
        found = basepri > 0 and syndrome > 0 and self._looks_right(basepri)
        return _Places(basepri, syndrome) if found else None

    def _find(self, register: int, first: int, second: int) -> int:
        """Index of the one word that follows `register`, or 0."""
        candidates = self._words_after(register, first) & self._words_after(register, second)
        self._uc.reg_write(register, 0)
        return candidates.pop() if len(candidates) == 1 else 0

    def _words_after(self, register: int, value: int) -> set[int]:
        self._uc.reg_write(register, value)
        self._context.update()
        return {n for n, word in enumerate(self._context.words) if word == value}

    def _looks_right(self, v7m: int) -> bool:
        self._context.update()
        words, first = self._context.words, self._context.first_region
        lengths = [words[first - 1 + n * (REGIONS + 1)] for n in range(3)]
        return (
            words[v7m + _CCR // 4] == _STKALIGN
            and words[v7m + _NSACR // 4] == _NSACR_RESET
            and lengths == [REGIONS] * 3
            and v7m + _EXCEPTION // 4 in self._words_after(UC_ARM_REG_IPSR, 77)
            and v7m + _EXCEPTION // 4 in self._words_after(UC_ARM_REG_IPSR, 0)
            and v7m + _PRIMASK // 4 in self._words_after(UC_ARM_REG_PRIMASK, 1)
            and v7m + _PRIMASK // 4 in self._words_after(UC_ARM_REG_PRIMASK, 0)
        )
