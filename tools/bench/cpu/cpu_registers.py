"""The CPU's registers as an M-profile core has them, on top of what Unicorn offers.

Unicorn keeps MSP, PSP, IPSR and CONTROL apart, with three restrictions: MSP, PSP and the mask
registers read 0, and CONTROL cannot be written, while in unprivileged thread mode; CONTROL.SPSEL
cannot be written in handler mode; and the mode is cached in flags that only some register writes
refresh. A write of APSR_NZCV does, so each change of mode ends with one.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from unicorn.arm_const import (
    UC_ARM_REG_APSR_NZCV,
    UC_ARM_REG_BASEPRI,
    UC_ARM_REG_CONTROL,
    UC_ARM_REG_FAULTMASK,
    UC_ARM_REG_FPSCR,
    UC_ARM_REG_IPSR,
    UC_ARM_REG_LR,
    UC_ARM_REG_MSP,
    UC_ARM_REG_PC,
    UC_ARM_REG_PRIMASK,
    UC_ARM_REG_PSP,
    UC_ARM_REG_R0,
    UC_ARM_REG_S0,
    UC_ARM_REG_SP,
    UC_ARM_REG_XPSR,
    UC_ARM_REG_XPSR_NZCVQG,
)
from unicorn.unicorn import Uc

from . import library

T_BIT = 1 << 24
NPRIV, SPSEL, FPCA = 1, 2, 4
_R0_TO_R3_R12_LR = (*(UC_ARM_REG_R0 + n for n in (0, 1, 2, 3, 12)), UC_ARM_REG_LR)
_S0_TO_S15_FPSCR = (*(UC_ARM_REG_S0 + n for n in range(16)), UC_ARM_REG_FPSCR)
_MASKS = (UC_ARM_REG_PRIMASK, UC_ARM_REG_BASEPRI, UC_ARM_REG_FAULTMASK)


class Batch:
    """Some registers, read or written in this order in one step: exceptions happen thousands of
    times a second, and each register by itself is a call into Unicorn."""

    def __init__(self, uc: Uc, *registers: int) -> None:
        count = len(registers)
        words = (ctypes.c_uint32 * count)()
        at = ctypes.addressof(words)
        ids = (ctypes.c_int * count)(*registers)
        addresses = (ctypes.c_void_p * count)(*(at + 4 * n for n in range(count)))
        self._arguments = uc._uch, ids, addresses, ctypes.c_int(count)
        self._words = memoryview(words).cast("B").cast("I")
        self._pack_into = struct.Struct(f"{count}I").pack_into

    def read(self) -> list[int]:
        library.reg_read_batch(*self._arguments)
        return self._words.tolist()

    def write(self, *values: int) -> None:
        self._pack_into(self._words, 0, *values)
        library.reg_write_batch(*self._arguments)


class CpuRegisters:
    """Register access, in whatever mode the CPU is."""

    def __init__(self, uc: Uc) -> None:
        self._word = ctypes.c_uint32()
        self._word_ref = ctypes.byref(self._word)
        self._handle = uc._uch
        self._pc_xpsr = Batch(uc, UC_ARM_REG_PC, UC_ARM_REG_XPSR)
        context = (
            *(UC_ARM_REG_XPSR, UC_ARM_REG_CONTROL, UC_ARM_REG_MSP, UC_ARM_REG_PSP),
            *(UC_ARM_REG_PC, *_MASKS),
        )
        self._context = Batch(uc, *context)
        self._context_and_frame = Batch(uc, *context, *_R0_TO_R3_R12_LR)
        self._fp = Batch(uc, *_S0_TO_S15_FPSCR)
        # The first three: CONTROL is writable in handler mode whatever nPRIV was. Then, in
        # privileged thread mode, SPSEL is. The last refreshes the cached mode.
        mode = (
            *(UC_ARM_REG_IPSR, UC_ARM_REG_CONTROL, UC_ARM_REG_IPSR),
            *(UC_ARM_REG_MSP, UC_ARM_REG_PSP, UC_ARM_REG_CONTROL, UC_ARM_REG_CONTROL),
            *(UC_ARM_REG_XPSR_NZCVQG, UC_ARM_REG_APSR_NZCV),
        )
        self._mode = Batch(uc, *mode)
        self._mode_pc_lr = Batch(uc, *mode, UC_ARM_REG_PC, UC_ARM_REG_LR)
        self._mode_pc_frame = Batch(uc, *mode, UC_ARM_REG_PC, *_R0_TO_R3_R12_LR)
        self._begin = -1  # the PC with its T bit, if it is known

    def get(self, register: int) -> int:
        library.reg_read(self._handle, register, self._word_ref)
        return self._word.value

    def set(self, register: int, value: int) -> None:
        self._begin = -1
        self._word.value = value
        library.reg_write(self._handle, register, self._word_ref)

    def low_registers(self) -> list[int]:
        """r0 to r12."""
        return [self.get(UC_ARM_REG_R0 + n) for n in range(13)]

    @property
    def handler_mode(self) -> bool:
        return self.get(UC_ARM_REG_IPSR) & 0x1FF != 0

    @property
    def privileged(self) -> bool:
        return not self.get(UC_ARM_REG_CONTROL) & NPRIV or self.handler_mode

    def context(self) -> list[int]:
        """xPSR, CONTROL, MSP, PSP, PC, PRIMASK, BASEPRI, FAULTMASK, in whatever mode."""
        seen = self._context.read()
        if seen[1] & NPRIV and not seen[0] & 0x1FF:
            self._read_privileged(seen)
        return seen

    def context_and_frame(self) -> list[int]:
        """The same, then r0 to r3, r12, LR: what hardware stacks below the return address."""
        seen = self._context_and_frame.read()
        if seen[1] & NPRIV and not seen[0] & 0x1FF:
            self._read_privileged(seen)
        return seen

    def _read_privileged(self, seen: list[int]) -> None:
        self.set(UC_ARM_REG_IPSR, 1)  # handler mode is privileged, so that they can be read
        privileged = self._context.read()
        self.set(UC_ARM_REG_IPSR, 0)
        seen[2:4], seen[5:8] = privileged[2:4], privileged[5:8]

    def stack_pointers(self) -> tuple[int, int]:
        """(MSP, PSP), in whatever mode."""
        _, _, msp, psp, *_ = self.context()
        return msp, psp

    def masks(self) -> tuple[int, int, int]:
        """PRIMASK, BASEPRI, FAULTMASK, in whatever mode."""
        *_, primask, basepri, faultmask = self.context()
        return primask, basepri, faultmask

    def clear_registers(self) -> None:
        """All of them as a reset leaves them; the mode, the stacks and the PC come after."""
        self.set_mode(xpsr=T_BIT, control=0, msp=0, psp=0)
        for n in range(13):
            self.set(UC_ARM_REG_R0 + n, 0)
        for register in (UC_ARM_REG_PRIMASK, UC_ARM_REG_BASEPRI, UC_ARM_REG_FAULTMASK):
            self.set(register, 0)
        self.set_fp_registers([0] * 17)
        self.set(UC_ARM_REG_LR, 0xFFFFFFFF)

    def set_mode(self, *, xpsr: int, control: int, msp: int, psp: int) -> None:
        """Set the mode and the stack pointers, whatever they were before."""
        self._begin = -1
        self._mode.write(1, 0, 0, msp, psp, control & (SPSEL | FPCA), control, xpsr, xpsr)

    def set_context(
        self, xpsr: int, control: int, msp: int, psp: int, pc: int, then: Sequence[int]
    ) -> None:
        """Set the mode, the stack pointers, the PC, and `then` either LR or r0 to r3, r12, LR."""
        begin = self._begin = pc & ~1 | xpsr >> 24 & 1
        privileged = control & (SPSEL | FPCA)
        batch = self._mode_pc_lr if len(then) == 1 else self._mode_pc_frame
        batch.write(1, 0, 0, msp, psp, privileged, control, xpsr, xpsr, begin, *then)

    def branch(self, address: int) -> None:
        """Set the PC; the T bit is left to xPSR."""
        self._begin = -1
        self.set(UC_ARM_REG_PC, address & ~1 | self.thumb)

    def fp_registers(self) -> list[int]:
        """s0 to s15 and FPSCR, as a frame holds them."""
        return self._fp.read()

    def set_fp_registers(self, values: Sequence[int]) -> None:
        self._fp.write(*values)

    @property
    def pc(self) -> int:
        return self.get(UC_ARM_REG_PC)

    def pc_and_thumb(self) -> int:
        """The PC, with the T bit as its bit 0."""
        pc, xpsr = self._pc_xpsr.read()
        return pc | xpsr >> 24 & 1

    @property
    def sp(self) -> int:
        return self.get(UC_ARM_REG_SP)

    @property
    def thumb(self) -> bool:
        return bool(self.get(UC_ARM_REG_XPSR) & T_BIT)
