"""The part of every script that is the core's, once for each architecture.

ARM DDI 0419E (ARMv6-M), DDI 0403E (ARMv7-M) and DDI 0553B (ARMv8-M), chapters System Control
Space and Protected Memory System Architecture. What has no address (MSPLIM, PRIMASK, CONTROL) and
what needs loops (cleaning a data cache) is not in a script: lib/romboot/jump.py does it.
"""

from __future__ import annotations

from .language import Block, Register, Script, Step, fill, write

ONES = 0xFFFFFFFF

# ARM DDI 0403E B3.2.2 (table B3-4 for SCB), B3.4.3 (NVIC), B3.3.2 (SysTick), B3.5.4 (MPU)
SCS = Block("SCS", 0xE000E000, ICTR=0x04, ACTLR=0x08)
SYST = Block("SYST", 0xE000E010, CTRL=0x00, LOAD=0x04, VAL=0x08)
NVIC = Block("NVIC", 0xE000E100, ICER=(0x080, 16), ICPR=(0x180, 16), IPR=(0x300, 124))
SCB = Block(
    "SCB", 0xE000ED00,
    CPUID=0x00, ICSR=0x04, VTOR=0x08, AIRCR=0x0C, SCR=0x10, CCR=0x14, SHPR1=0x18, SHPR2=0x1C,
    SHPR3=0x20, SHCSR=0x24, CFSR=0x28, HFSR=0x2C, CPACR=0x88,
)  # fmt: skip
MPU = Block("MPU", 0xE000ED90, TYPE=0x00, CTRL=0x04, RNR=0x08, RBAR=0x0C, RASR=0x10)
MPU_V8 = Block(
    "MPU", 0xE000ED90, TYPE=0x00, CTRL=0x04, RNR=0x08, RBAR=0x0C, RLAR=0x10,
    RBAR_A1=0x14, RLAR_A1=0x18, RBAR_A2=0x1C, RLAR_A2=0x20, RBAR_A3=0x24, RLAR_A3=0x28,
    MAIR0=0x30, MAIR1=0x34,
)  # fmt: skip
FPU = Block("FPU", 0xE000EF34, FPCCR=0x00, FPCAR=0x04, FPDSCR=0x08)
CACHE = Block("CACHE", 0xE000EF50, ICIALLU=0x00)  # DDI 0403E B2.2.7

VECTKEY = 0x05FA0000  # AIRCR takes a write with this key only
VALID = 0x10  # MPU_RBAR: its low bits are the number of the region
PENDSVCLR, PENDSTCLR = 1 << 27, 1 << 25  # of ICSR
STKALIGN = 0x200  # of CCR: set after a reset (ARM DDI 0439B table 4-1); public SVD files say 0
BP = 1 << 18  # of CCR: branch prediction, always on in a Cortex-M7 (ARM DDI 0489F table 3-1)
ASPEN_LSPEN = 0xC0000000  # FPCCR after a reset (DDI 0403E B3.2.21)


# Why no state misses a step (see Step.unnoticed)
CLOCK_COMES = "a clock is there 2 cycles after it is enabled (ES0206), the next step comes later"
REMAP_IS_QUICK = "the write has taken effect long before the ROM starts"


def systick_off() -> Script:
    """CTRL, LOAD, VAL: off and cleared."""
    return ["systick", fill(SYST.CTRL, 0, 3)]


def interrupts_off(count: int) -> Script:
    """Every interrupt disabled, and its priority as after a reset."""
    return [
        "interrupts",
        fill(NVIC.ICER, ONES, -(-count // 32)),
        fill(NVIC.IPR, 0, -(-count // 4)),
    ]


def nothing_pending(count: int) -> Script:
    """PendSV, SysTick and every interrupt."""
    return [
        "pending",
        write(SCB.ICSR, PENDSVCLR | PENDSTCLR),
        fill(NVIC.ICPR, ONES, -(-count // 32)),
    ]


def _mpu_disabled(control: Register) -> Step:
    return write(
        control, 0, unnoticed="jump.py does it, unless its code is in SDRAM", noticed_in_sdram=True
    )


def mpu_off(regions: int) -> Script:
    """PMSAv6 and PMSAv7. The MPU goes off before its regions do."""
    off: list[Script] = [[write(MPU.RBAR, VALID | i), write(MPU.RASR, 0)] for i in range(regions)]
    return [_mpu_disabled(MPU.CTRL), off, write(MPU.RNR, 0)]


def mpu_off_v8(regions: int) -> Script:
    """PMSAv8, which has a multiple of 4 regions: RBAR and RLAR, with their aliases, are those of
    the four from RNR on (DDI 0553B D1.2.186 to D1.2.192). RNR ends as 0."""
    off: list[Script] = [
        [write(MPU_V8.RNR, first), fill(MPU_V8.RBAR, 0, 8)]
        for first in reversed(range(0, regions, 4))
    ]
    return [_mpu_disabled(MPU_V8.CTRL), off, fill(MPU_V8.MAIR0, 0, 2)]


def open_region(regions: int) -> tuple[int, int]:
    """RBAR without its address, and RASR, of the last region, which has priority over all others:
    1 MiB that anyone may read, write and execute, normal write-through memory (PMSAv7)."""
    return VALID | max(regions - 1, 0), 0x03060027


def fpu_off() -> Script:
    """FPCCR, FPCAR and FPDSCR at reset, and no access to the FPU."""
    return [write(FPU.FPCCR, ASPEN_LSPEN), fill(FPU.FPCAR, 0, 2), write(SCB.CPACR, 0)]


def _system_control(vtor: int, ccr: int) -> Script:
    return [
        write(SCB.VTOR, vtor),
        write(SCB.AIRCR, VECTKEY),  # PRIGROUP 0
        write(SCB.SCR, 0, unnoticed="jump.py clears it before it leaves handlers"),
        write(SCB.CCR, ccr),
        fill(SCB.SHPR1, 0, 4),  # SHPR1 to 3, SHCSR
        fill(SCB.CFSR, ONES, 2),  # CFSR, HFSR: cleared by ones
    ]


def armv6m(*, mpu_regions: int = 0, vtor: int | None = 0) -> Script:
    """Cortex-M0 and M0+. vtor: where the ROM's vectors are, None if the core has no VTOR."""
    return [
        "core (ARM DDI 0419E B3.2, B3.5)",
        mpu_off(mpu_regions) if mpu_regions else [],
        [] if vtor is None else write(SCB.VTOR, vtor),
        write(SCB.SCR, 0, unnoticed="jump.py clears it before it leaves handlers"),
        fill(SCB.SHPR2, 0, 2),
    ]


def armv7m(*, mpu_regions: int, fpu: bool, vtor: int = 0, caches: bool = False) -> Script:
    """Cortex-M3, M4 and M7. caches: of an M7; jump.py has cleaned the data cache before.

    CACR of an M7 is left alone: neither MicroPython's stm32 port nor ST's HAL writes it, and its
    bits mean nothing while the caches are off, as they are in the ROM.
    """
    return [
        "core (ARM DDI 0403E B3.2, B3.5)",
        write(SCS.ACTLR, 0),
        mpu_off(mpu_regions),
        fpu_off() if fpu else [],
        _system_control(vtor, STKALIGN | BP if caches else STKALIGN),
        write(CACHE.ICIALLU, 0, unnoticed="jump.py has done it before")
        if caches
        else [],  # what an instruction cache holds is forgotten
    ]


def armv8m(*, mpu_regions: int, fpu: bool, vtor: int) -> Script:
    """Cortex-M33. MSPLIM and PSPLIM have no address."""
    return [
        "core (ARM DDI 0553B B11, D1.2)",
        write(SCS.ACTLR, 0),
        mpu_off_v8(mpu_regions),
        fpu_off() if fpu else [],
        _system_control(vtor, STKALIGN),
    ]
