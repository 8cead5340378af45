"""State of the emulated CPU that Unicorn has no register number for.

Unicorn's CPU implements the PMSAv7 MPU (down to subregions and regions smaller than a page) and
when to create a floating-point context, but the registers that control them are in QEMU's NVIC,
which Unicorn does not have. They are part of what `uc_context_save()` saves and
`uc_context_restore()` puts back, so they are changed there: about 2 us a change, nothing while the
CPU runs.

Their places are derived from registers that can be written (IPSR, PRIMASK, ESR), and used only if
the words in between read what a reset leaves in them.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

from unicorn import unicorn_const as u
from unicorn.arm_const import (
    UC_ARM_REG_APSR_NZCV,
    UC_ARM_REG_ESR,
    UC_ARM_REG_IPSR,
    UC_ARM_REG_PRIMASK,
)
from unicorn.unicorn import Uc

from .signals import held_back
from .spec import CoreSpec

# Distances from basepri in QEMU's `v7m` structure, in bytes.
_CONTROL, _CCR, _MPU_CTRL, _EXCEPTION, _PRIMASK = 8, 16, 60, 68, 72
_CCR_RESET = {6: 0x208, 7: 0x200, 8: 0x201}  # by architecture
_FPCAR_S, _FPCCR, _FPCCR_S, _FPDSCR, _CPACR_S, _NSACR = 132, 136, 140, 144, 156, 160
_FSR, _VADDRESS = 4, 8  # from the exception syndrome
_ALIGNMENT = 1  # DDI 0406C table B3-23
# The region registers end the context, each array after its length: three of PMSAv7, then RBAR and
# RLAR of PMSAv8, each for the non-secure and the secure side, then two of the SAU.
_SAU_REGIONS = {6: 0, 7: 0, 8: 8}  # by architecture, in every model of Unicorn
_MPU_REGIONS = {6: 0, 7: 8, 8: 16}
_SECURE, _MSPLIM, _PSPLIM = 92, 112, 120
# What Unicorn's Cortex-M33 can do, as QEMU's ARM_FEATURE_* bits, and the one of these that is the
# security extension.
_M33_FEATURES, _M_SECURITY = 0x740902C2E8, 1 << 37
_NSACR_RESET, _ASPEN_LSPEN_S = {6: 0xCFF, 7: 0xCFF, 8: 0}, 0xC0000004


@dataclass(frozen=True, slots=True)
class _Places:
    """Indices of words in a context, of all that are derived from them."""

    basepri: int
    syndrome: int
    features: int  # of a Cortex-M33


class _Context:
    """What `uc_context_save()` saves, as words."""

    def __init__(self, uc: Uc) -> None:
        self._uc = uc
        with held_back():
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

    def arrays(self, architecture: int) -> list[int]:
        """Index of the length of each of the arrays that end it."""
        v7 = _MPU_REGIONS[7] if architecture == 7 else 0
        v8 = _MPU_REGIONS[8] if architecture == 8 else 0
        lengths = [v7, v7, v7, v8, v8, v8, v8, *[_SAU_REGIONS[architecture]] * 2]
        at = len(self.words) - sum(lengths) - len(lengths)
        return [at + n + sum(lengths[:n]) for n in range(len(lengths))]


class PrivateState:
    """The private state of one engine. Raises RuntimeError if it is not found."""

    def __init__(self, uc: Uc, spec: CoreSpec) -> None:
        self._uc = uc
        self._context = _Context(uc)
        self._words = self._context.words
        self._architecture = spec.architecture
        self._arrays = self._context.arrays(spec.architecture)
        #: That can be enforced.
        self.mpu_regions = _MPU_REGIONS[spec.architecture]
        places = _find_places(spec.model, spec.architecture)
        self._basepri, self._syndrome = places.basepri, places.syndrome
        if spec.architecture == 8:
            self._remove_security(places.features)

    def _remove_security(self, features: int) -> None:
        """Make an ARMv8-M core one without the security extension."""
        self._context.update()
        without = _M33_FEATURES & ~_M_SECURITY
        self._words[features], self._words[features + 1] = without & 0xFFFFFFFF, without >> 32
        self._words[self._basepri + _SECURE // 4] = 0
        self._restore()

    def _restore(self) -> None:
        """Give the words to the CPU, and refresh the cached mode."""
        self._context.restore()
        flags = self._uc.reg_read(UC_ARM_REG_APSR_NZCV)
        self._uc.reg_write(UC_ARM_REG_APSR_NZCV, flags)

    def set_npriv(self, npriv: int) -> None:
        """CONTROL.nPRIV of an ARMv6-M core, which no register of Unicorn reaches."""
        self._context.update()
        word = self._basepri + _CONTROL // 4
        if self._words[word] & 1 != npriv:
            self._words[word] ^= 1
            self._restore()

    def set_mpu(self, enabled: bool, privdefena: bool, regions: list[tuple[int, int]]) -> None:
        """Up to `mpu_regions` of (base address, RASR), the one that wins last; with ARMv8-M of
        (RBAR, RLAR)."""
        self._context.update()
        self._words[self._basepri + _MPU_CTRL // 4] = enabled | privdefena << 2
        unused = [(0, 0)] * (self.mpu_regions - len(regions))
        for n, (first, second) in enumerate(regions + unused, start=1):
            if self._architecture == 8:
                values = {3: first, 5: second}
            else:
                values = {0: first, 1: second & 0xFFFF, 2: second >> 16}
            for array, value in values.items():
                self._words[self._arrays[array] + n] = value
        self._context.restore()
        self._uc.ctl(u.UC_CTL_TLB_FLUSH, u.UC_CTL_IO_WRITE)

    def set_fp_context(self, *, aspen: bool, fpdscr: int, trap: int | None) -> None:
        """Whether FP instructions set CONTROL.FPCA, and FPSCR of a new context.

        With `trap`, an address, the next FP instruction begins by storing there: Unicorn ignores
        CPACR, so a lazy FP context is set up that it saves there first.
        """
        self._context.update()
        words, v7m = self._words, self._basepri
        words[v7m + _FPCCR // 4] = aspen << 31
        words[v7m + _FPDSCR // 4] = fpdscr
        # Unicorn looks for a lazy context in the registers of the secure side, which these
        # cores do not have.
        words[v7m + _FPCCR_S // 4] = _ASPEN_LSPEN_S | (trap is not None)
        words[v7m + _FPCAR_S // 4] = trap or 0
        words[v7m + _CPACR_S // 4] = 0xF << 20
        self._context.restore()

    def stack_limits(self) -> tuple[int, int]:
        """MSPLIM and PSPLIM; 0 before ARMv8-M."""
        if self._architecture < 8:
            return 0, 0
        self._context.update()
        v7m = self._basepri
        return self._words[v7m + _MSPLIM // 4], self._words[v7m + _PSPLIM // 4]

    def set_stack_limits(self, msplim: int, psplim: int) -> None:
        """Of ARMv8-M; no effect before it."""
        if self._architecture == 8:
            self._context.update()
            self._words[self._basepri + _MSPLIM // 4] = msplim
            self._words[self._basepri + _PSPLIM // 4] = psplim
            self._context.restore()

    def data_fault(self) -> tuple[int, bool]:
        """Address of the last data access that failed, and whether its alignment was the cause."""
        self._context.update()
        status = self._words[self._syndrome + _FSR // 4]
        return self._words[self._syndrome + _VADDRESS // 4], status & 0xF == _ALIGNMENT


@functools.cache
def _find_places(model: int, architecture: int) -> _Places:
    """They are the same in every engine for a model, and looking for them takes a while."""
    uc = Uc(u.UC_ARCH_ARM, u.UC_MODE_THUMB, cpu=model)
    context = _Context(uc)
    v7m = _find(uc, context, UC_ARM_REG_IPSR, 77, 33) - _EXCEPTION // 4
    syndrome = _find(uc, context, UC_ARM_REG_ESR, 0x12345678, 0x87654321)
    words = context.words
    pair = _M33_FEATURES & 0xFFFFFFFF, _M33_FEATURES >> 32
    features = [n for n in range(len(words) - 1) if (words[n], words[n + 1]) == pair]
    found = v7m >= 0 and syndrome >= 0 and (architecture < 8 or len(features) == 1)
    if not found or not _looks_right(uc, context, v7m, architecture):
        raise RuntimeError(
            "this version of Unicorn does not keep the registers of its MPU and FPU where the "
            "virtual board looks for them, so the board cannot run. Unicorn 2.1.4 is known to "
            "work: pip install unicorn==2.1.4"
        )
    return _Places(v7m, syndrome, features[0] if features else 0)


def _find(uc: Uc, context: _Context, register: int, first: int, second: int) -> int:
    """Index of the one word that follows `register`, or -1."""
    candidates = _words_after(uc, context, register, first)
    candidates &= _words_after(uc, context, register, second)
    uc.reg_write(register, 0)
    return candidates.pop() if len(candidates) == 1 else -1


def _words_after(uc: Uc, context: _Context, register: int, value: int) -> set[int]:
    uc.reg_write(register, value)
    context.update()
    return {n for n, word in enumerate(context.words) if word == value}


def _looks_right(uc: Uc, context: _Context, v7m: int, architecture: int) -> bool:
    context.update()
    words, arrays = context.words, context.arrays(architecture)
    side = 4 if words[v7m + _SECURE // 4] else 0  # as it begins, a Cortex-M33 is secure
    primask = v7m + (_PRIMASK + side) // 4
    lengths = [*arrays[1:], len(words)]
    return (
        words[v7m + _CCR // 4] == _CCR_RESET[architecture]
        and words[v7m + _NSACR // 4] == _NSACR_RESET[architecture]
        and all(words[at] == end - at - 1 for at, end in zip(arrays, lengths, strict=True))
        and primask in _words_after(uc, context, UC_ARM_REG_PRIMASK, 1)
        and primask in _words_after(uc, context, UC_ARM_REG_PRIMASK, 0)
    )
