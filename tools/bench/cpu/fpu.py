"""Floating-point access and context registers (DDI 0403E B1.5.7, B3.2.20 to B3.2.24)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .memory import BusError
from .private import PrivateState
from .registers import Register
from .spec import CoreSpec

LSPACT, USER, THREAD, HFRDY, MMRDY, BFRDY, MONRDY = (1 << n for n in (0, 1, 3, 4, 5, 6, 8))
LSPEN, ASPEN = 1 << 30, 1 << 31
_FPCCR_RESET = ASPEN | LSPEN
_FPCCR_MASK = _FPCCR_RESET | LSPACT | USER | THREAD | HFRDY | MMRDY | BFRDY | MONRDY
_FPCCR_MASK_V8 = _FPCCR_MASK | 1 << 28 | 1 << 10 | 1 << 9  # CLRONRET, UFRDY, SPLIMVIOL
_CPACR_MASK, _FPDSCR_MASK = 0x00F00000, 0x07C00000

#: A reserved page of the private peripheral bus.
TRAP = 0xE00F0000


class Fpu:
    """The registers.

    `uses_fpu` says whether CONTROL.FPCA is set now; `changed` is called with a function that must
    run after the present instruction.
    """

    def __init__(
        self,
        spec: CoreSpec,
        private: PrivateState,
        *,
        uses_fpu: Callable[[], bool],
        changed: Callable[[Callable[[], None]], None],
    ) -> None:
        self._spec = spec
        self._private = private
        self._uses_fpu = uses_fpu
        self._changed = changed
        self._given: tuple[bool, int, bool] | None = None  # what Unicorn was set to last
        self.reset()

    def reset(self) -> None:
        self.cpacr = 0
        self._fpccr = _FPCCR_RESET if self._spec.fpu else 0
        self._fpccr_mask = _FPCCR_MASK_V8 if self._spec.architecture == 8 else _FPCCR_MASK
        self.fpcar = 0  # unknown on the chip
        self.fpdscr = 0
        self._tell()

    @property
    def enabled(self) -> bool:
        """CPACR gives privileged code the FPU."""
        return bool(self.cpacr >> 20 & 1)

    @property
    def fpccr(self) -> int:
        # On the chip, use of the FPU in the handler ends a lazy context.
        if self._fpccr & LSPACT and self._uses_fpu():
            self._fpccr &= ~LSPACT
        return self._fpccr

    def begin_lazy_stacking(self, address: int, flags: int) -> None:
        """UpdateFPCCR(): the frame has room for the FP state at `address`."""
        self._fpccr = self._fpccr & (ASPEN | LSPEN) | LSPACT | flags
        self.fpcar = address & ~7

    def end_lazy_stacking(self, used: bool) -> bool:
        """On return from a handler that `used` the FPU or not: True if the registers still hold
        the state, so nothing is to be loaded."""
        lazy = bool(self._fpccr & LSPACT) and not used
        self._fpccr &= ~LSPACT
        return lazy

    def registers(self) -> Iterator[Register]:
        """Offsets from 0xE000E000."""
        if not self._spec.fpu:
            return
        yield Register("CPACR", 0xD88, lambda: self.cpacr, self._write_cpacr, mask=_CPACR_MASK)
        yield Register(
            "FPCCR",
            0xF34,
            lambda: self.fpccr,
            self._write_fpccr,
            reset=_FPCCR_RESET,
            mask=self._fpccr_mask,
        )
        yield Register(
            "FPCAR", 0xF38, lambda: self.fpcar, self._write_fpcar, mask=~7, reset_known=False
        )
        yield Register("FPDSCR", 0xF3C, lambda: self.fpdscr, self._write_fpdscr, mask=_FPDSCR_MASK)
        for n, value in enumerate(self._spec.mvfr):
            yield Register(f"MVFR{n}", 0xF40 + 4 * n, lambda value=value: value, reset=value)

    def _write_cpacr(self, value: int) -> None:
        self.cpacr = value & _CPACR_MASK
        self._changed(self._tell)

    def _write_fpccr(self, value: int) -> None:
        self._fpccr = value & self._fpccr_mask
        self._changed(self._tell)

    def _write_fpcar(self, value: int) -> None:
        self.fpcar = value & ~7

    def _write_fpdscr(self, value: int) -> None:
        self.fpdscr = value & _FPDSCR_MASK
        self._changed(self._tell)

    def rearm(self) -> None:
        """An FP instruction was caught by the trap: set it again if the FPU is still off."""
        if self._spec.fpu and not self.enabled:
            self._given = None
            self._tell()

    def _tell(self) -> None:
        wanted = (bool(self._fpccr & ASPEN), self.fpdscr, self.enabled)
        if self._spec.fpu and wanted != self._given:
            self._given = wanted
            self._private.set_fp_context(
                aspen=wanted[0], fpdscr=wanted[1], trap=None if self.enabled else TRAP
            )


class FpuTrap:
    """The page that the first FP instruction stores to while CPACR has the FPU off."""

    name = "FPU trap"
    base = TRAP
    size = 0x400

    def __init__(self, fpu: Fpu, caught: Callable[[], None]) -> None:
        self._fpu = fpu
        self._caught = caught

    def read(self, offset: int, size: int) -> int:
        raise BusError("nothing is here")

    def write(self, offset: int, size: int, value: int) -> None:
        if self._fpu.enabled:
            raise BusError("nothing is here")
        self._caught()

    def reset(self) -> None:
        pass
