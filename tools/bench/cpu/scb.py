"""The system control block (DDI 0403E B3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import nvic
from .faults import CFSR_MASK, STKOF, FaultStatus
from .nvic import Nvic
from .registers import Register
from .spec import ID_NAMES, CoreSpec

SLEEPONEXIT, SEVONPEND = 1 << 1, 1 << 4
NONBASETHRDENA, USERSETMPEND, STKALIGN = 1 << 0, 1 << 1, 1 << 9
_SCR_MASK, _CCR_MASK = 0x16, 0x31B
_CCR_MASK_V8 = 0x51A  # STKOFHFNMIGN, BFHFNMIGN, DIV_0_TRP, UNALIGN_TRP, USERSETMPEND
_CCR_CACHES, _CCR_BP = 0x30000, 0x40000
_VTOR_MASK = 0xFFFFFF80
_AIRCR_KEY_READ, _AIRCR_KEY_WRITE = 0xFA05, 0x05FA
_SYSRESETREQ = 1 << 2

# SHCSR bit -> exception, for the active, pended and enable bits (B3.2.13).
_ACTIVE = {0: 4, 1: 5, 3: 6, 7: 11, 8: 12, 10: 14, 11: 15}
_PENDED = {12: 6, 13: 4, 14: 5, 15: 11}
_ENABLE = {16: 4, 17: 5, 18: 6}
_ACTIVE_V8, _PENDED_V8 = {2: 3, 5: 2}, {21: 3}  # HardFault and NMI; only read here
_SHCSR_MASK = sum(1 << bit for bit in (*_ACTIVE, *_PENDED, *_ENABLE))


class Scb:
    """State of the block. `changed` is called when a write can make an exception due."""

    def __init__(
        self,
        spec: CoreSpec,
        nvic: Nvic,
        *,
        current: Callable[[], int],
        changed: Callable[[], None],
        system_reset: Callable[[], None],
        trace_changes: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._nvic = nvic
        self._current = current
        self._changed = changed
        self._system_reset = system_reset
        self._trace_changes = trace_changes
        #: Called with CCR.DC and CCR.IC when CCR is written.
        self.on_caches: Callable[[int], None] = lambda enabled: None
        #: System handlers whose priority can be set.
        self._configurable = {4, 5, 6, 11, 12, 14, 15} if spec.mainline else {11, 14, 15}
        self.demcr = 0  # a debug register: only a power-on reset clears it
        self.faults = FaultStatus()
        self.reset()

    def reset(self) -> None:
        self.vtor = 0
        self.scr = 0
        self.ccr = self._spec.ccr_reset
        self.actlr = 0
        self.faults = FaultStatus()

    # -- ICSR ------------------------------------------------------------------------------

    def _icsr(self) -> int:
        pending = self._nvic.pending
        value = self._current()
        if self._spec.mainline:
            value |= (not self._nvic.active - {value}) << 11
        value |= (self._nvic.next_pending() or 0) << 12
        value |= any(number >= nvic.FIRST_IRQ for number in pending) << 22
        for number, bit in ((nvic.SYSTICK, 26), (nvic.PENDSV, 28), (nvic.NMI, 31)):
            value |= (number in pending) << bit
        return value

    def _write_icsr(self, value: int) -> None:
        pending = self._nvic.pending
        for number, clear in ((nvic.SYSTICK, 1 << 25), (nvic.PENDSV, 1 << 27)):
            if value & clear:
                pending.discard(number)
            elif value & clear << 1:
                self._nvic.pend(number)
        if value & 1 << 31:
            self._nvic.pend(nvic.NMI)
        self._changed()

    # -- AIRCR, VTOR, CCR ------------------------------------------------------------------

    def _aircr(self) -> int:
        return _AIRCR_KEY_READ << 16 | self._nvic.prigroup << 8

    def _write_aircr(self, value: int) -> None:
        if value >> 16 != _AIRCR_KEY_WRITE:
            return
        if self._spec.mainline:
            self._nvic.prigroup = value >> 8 & 7
        if value & _SYSRESETREQ:
            self._system_reset()
        self._changed()

    def _write_vtor(self, value: int) -> None:
        self.vtor = value & _VTOR_MASK

    def _write_ccr(self, value: int) -> None:
        if self._spec.caches:  # M7: STKALIGN and BP read as one (DDI 0489 table 4-2)
            self.ccr = value & (_CCR_MASK | _CCR_CACHES) | STKALIGN | _CCR_BP
            self.on_caches(value & _CCR_CACHES)
        elif self._spec.architecture == 8:
            self.ccr = value & _CCR_MASK_V8 | self._spec.ccr_reset
        else:
            self.ccr = value & _CCR_MASK

    # -- SHPR, SHCSR -----------------------------------------------------------------------

    def _shpr(self, first: int) -> int:
        priorities = self._nvic.priority[first : first + 4]
        return int.from_bytes(bytes(priorities), "little")

    def _write_shpr(self, first: int, value: int) -> None:
        for n in range(4):
            if first + n in self._configurable:
                self._nvic.priority[first + n] = value >> 8 * n & self._nvic.priority_mask
        self._changed()

    def _shcsr(self) -> int:
        value = 0
        for bits, members in self._shcsr_sets():
            value |= _bits(bits, members)
        if self._spec.architecture == 8:
            value |= _bits(_ACTIVE_V8, self._nvic.active) | _bits(_PENDED_V8, self._nvic.pending)
        return value

    def _write_shcsr(self, value: int) -> None:
        for bits, members in self._shcsr_sets():
            for bit, number in bits.items():
                if value & 1 << bit:
                    members.add(number)
                else:
                    members.discard(number)
        self._changed()

    def _shcsr_sets(self) -> tuple[tuple[dict[int, int], set[int]], ...]:
        state = self._nvic
        return (_ACTIVE, state.active), (_PENDED, state.pending), (_ENABLE, state.enabled)

    # -- fault status ----------------------------------------------------------------------

    def _clear_cfsr(self, value: int) -> None:
        self.faults.cfsr &= ~value

    def _clear_hfsr(self, value: int) -> None:
        self.faults.hfsr &= ~value

    def _clear_dfsr(self, value: int) -> None:
        self.faults.dfsr &= ~value

    def _set_scr(self, value: int) -> None:
        self.scr = value & _SCR_MASK

    def _set_actlr(self, value: int) -> None:
        self.actlr = value & self._spec.actlr_mask

    def _set_mmfar(self, value: int) -> None:
        self.faults.mmfar = value

    def _set_bfar(self, value: int) -> None:
        self.faults.bfar = value

    def _set_demcr(self, value: int) -> None:
        self._trace_changes()
        self.demcr = value & 0x010F07F1

    # -- the table -------------------------------------------------------------------------

    def registers(self) -> Iterator[Register]:
        """Offsets from 0xE000E000."""
        spec = self._spec
        yield Register("CPUID", 0xD00, lambda: spec.cpuid, reset=spec.cpuid)
        # VECTACTIVE and RETTOBASE describe the moment, VECTPENDING follows the pending bits.
        yield Register("ICSR", 0xD04, self._icsr, self._write_icsr, mask=0x947FF000, ones_act=True)
        if spec.vtor:
            yield Register("VTOR", 0xD08, lambda: self.vtor, self._write_vtor, mask=_VTOR_MASK)
        yield Register("AIRCR", 0xD0C, self._aircr, self._write_aircr, reset=0xFA050000)
        yield Register("SCR", 0xD10, lambda: self.scr, self._set_scr, mask=_SCR_MASK)
        yield from self._shpr_registers()
        if spec.mainline:
            yield from self._mainline_registers()
        else:
            yield Register("CCR", 0xD14, lambda: self.ccr, reset=spec.ccr_reset)
        yield Register("DEMCR", 0xDFC, lambda: self.demcr, self._set_demcr, listed=False)

    def _mainline_registers(self) -> Iterator[Register]:
        """What ARMv6-M has not got. There SHCSR and DFSR belong to a debugger (DDI 0419C C1.6)."""
        spec = self._spec
        lines = (spec.irq_count - 1) // 32
        yield Register("ICTR", 0x004, lambda: lines, reset=lines)
        yield Register("ACTLR", 0x008, lambda: self.actlr, self._set_actlr, mask=spec.actlr_mask)
        ccr_mask = _CCR_MASK | (_CCR_CACHES | _CCR_BP if spec.caches else 0)
        if spec.architecture == 8:
            ccr_mask = _CCR_MASK_V8 | spec.ccr_reset
        yield Register(
            "CCR", 0xD14, lambda: self.ccr, self._write_ccr, reset=spec.ccr_reset, mask=ccr_mask
        )
        yield Register("SHCSR", 0xD24, self._shcsr, self._write_shcsr, mask=_SHCSR_MASK)
        yield from self._fault_registers()
        for n, value in enumerate(spec.id_registers):
            yield Register(ID_NAMES[n], 0xD40 + 4 * n, lambda value=value: value, reset=value)

    def _shpr_registers(self) -> Iterator[Register]:
        for n, first in enumerate((4, 8, 12), start=1):
            lanes = (0xFF << 8 * k for k in range(4) if first + k in self._configurable)
            mask = sum(lanes) & self._nvic.priority_mask * 0x01010101
            if not mask:
                continue  # SHPR1 of ARMv6-M
            yield Register(
                f"SHPR{n}",
                0xD14 + 4 * n,
                lambda first=first: self._shpr(first),
                lambda value, first=first: self._write_shpr(first, value),
                mask=mask,
            )

    def _fault_registers(self) -> Iterator[Register]:
        cfsr_mask = CFSR_MASK if self._spec.fpu else CFSR_MASK & ~0x2020
        cfsr_mask |= STKOF if self._spec.architecture == 8 else 0
        for name, offset, peek, write, mask in (
            ("CFSR", 0xD28, lambda: self.faults.cfsr, self._clear_cfsr, cfsr_mask),
            ("HFSR", 0xD2C, lambda: self.faults.hfsr, self._clear_hfsr, 0xC0000002),
            ("DFSR", 0xD30, lambda: self.faults.dfsr, self._clear_dfsr, 0x1F),
        ):
            yield Register(name, offset, peek, write, mask=mask, ones_act=True)
        for name, offset, peek, write in (
            ("MMFAR", 0xD34, lambda: self.faults.mmfar, self._set_mmfar),
            ("BFAR", 0xD38, lambda: self.faults.bfar, self._set_bfar),
        ):
            yield Register(name, offset, peek, write, reset_known=False)


def _bits(bits: dict[int, int], members: set[int]) -> int:
    """The bits whose exception is one of the members."""
    return sum(1 << bit for bit, number in bits.items() if number in members)
