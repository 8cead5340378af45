"""The parts of a core, without the run loop."""

from __future__ import annotations

from dataclasses import dataclass

from .bus import Bus
from .cache_registers import CacheRegisters
from .caches import Caches
from .engine import Engine
from .fpu import Fpu
from .mpu import Mpu
from .nvic import Nvic
from .private import PrivateState
from .scb import Scb
from .spec import CoreSpec
from .systick import SysTick


@dataclass(frozen=True, slots=True)
class Parts:
    """The state of one core: registers, and where memory is."""

    spec: CoreSpec
    engine: Engine
    bus: Bus
    private: PrivateState
    nvic: Nvic
    scb: Scb
    mpu: Mpu
    fpu: Fpu
    systick: SysTick
    caches: Caches | None
    cache_registers: CacheRegisters | None

    def reset_system_registers(self) -> None:
        """Reset the system control space, without the debug registers."""
        if self.caches and self.cache_registers:
            self.caches.reset()
            self.cache_registers.reset()
        for part in (self.nvic, self.scb, self.systick, self.fpu, self.mpu):
            part.reset()

    def execution_priority(self) -> int:
        """256 in thread mode with nothing masked; negative in HardFault and NMI."""
        return self.nvic.execution_priority(*self.engine.masks())
