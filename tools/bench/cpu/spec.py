"""The differences between Cortex-M cores that software can see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unicorn.arm_const import (
    UC_CPU_ARM_CORTEX_M0,
    UC_CPU_ARM_CORTEX_M3,
    UC_CPU_ARM_CORTEX_M4,
    UC_CPU_ARM_CORTEX_M7,
    UC_CPU_ARM_CORTEX_M33,
)

#: Identification registers 0xE000ED40 to 0xE000ED70, in order of address.
ID_NAMES = (
    *("ID_PFR0", "ID_PFR1", "ID_DFR0", "ID_AFR0", "ID_MMFR0", "ID_MMFR1", "ID_MMFR2"),
    *("ID_MMFR3", "ID_ISAR0", "ID_ISAR1", "ID_ISAR2", "ID_ISAR3", "ID_ISAR4"),
)


@dataclass(frozen=True)
class CoreSpec:
    """A core as built into a chip.

    `irq_count` (1 to 240, 32 with ARMv6-M), `prio_bits` (3 to 8, always 2 with ARMv6-M),
    `mpu_regions` (0, 8 or 16), `fpu` and the caches are options of the chip.
    """

    name: str
    model: int  # UC_CPU_ARM_...
    cpuid: int
    architecture: int = 7  # ARMv6-M, ARMv7-M or ARMv8-M
    vtor: bool = True
    unprivileged: bool = True  # it has CONTROL.nPRIV
    fpu: bool = False
    icache: int = 0  # bytes
    dcache: int = 0
    irq_count: int = 82
    prio_bits: int = 4
    mpu_regions: int = 8
    actlr_mask: int = 0
    ccr_reset: int = 0x200
    mvfr: tuple[int, ...] = ()
    id_registers: tuple[int, ...] = ()

    @property
    def caches(self) -> bool:
        """It can have caches: CCR has their enable bits."""
        return bool(self.icache or self.dcache)

    @property
    def mainline(self) -> bool:
        """It has fault status registers, BASEPRI, FAULTMASK, PRIGROUP (not ARMv6-M)."""
        return self.architecture > 6


# CPUID: ARM DDI 0432C for the M0, DDI 0484C for the M0+. CCR reads STKALIGN and UNALIGN_TRP as one
# (DDI 0419C B3.2.8); 0x204 in the generic user guide (DUI 0662) does not fit the bits that it
# describes itself.
CORTEX_M0 = CoreSpec(
    name="Cortex-M0",
    model=UC_CPU_ARM_CORTEX_M0,
    cpuid=0x410CC200,
    architecture=6,
    vtor=False,
    unprivileged=False,
    irq_count=32,
    prio_bits=2,
    mpu_regions=0,
    ccr_reset=0x208,
)
CORTEX_M0PLUS = replace(
    CORTEX_M0,
    name="Cortex-M0+",
    cpuid=0x410CC601,
    vtor=True,
    unprivileged=True,
    mpu_regions=8,
)
# CPUID, ACTLR and the identification registers: ARM DDI 0337 (r2p1) tables 4-1 and 5-1 for the
# M3, ARM DDI 0439B (r0p1) table 4-1 for the M4, ARM DDI 0489 tables 3-1 and 4-1 for the M7.
# The identification registers are constants that nothing here depends on.
# CCR resets to 0x200 (STKALIGN) on M3 r2 and M4, and to 0x40200 (BP too) on the M7.
CORTEX_M3 = CoreSpec(
    name="Cortex-M3",
    model=UC_CPU_ARM_CORTEX_M3,
    cpuid=0x412FC231,
    actlr_mask=0x7,
    id_registers=(
        *(0x00000030, 0x00000200, 0x00100000, 0x00000000),
        *(0x00100030, 0x00000000, 0x01000000, 0x00000000),
        *(0x01100110, 0x02111000, 0x21112231, 0x01111110, 0x01310102),
    ),
)
CORTEX_M4F = CoreSpec(
    name="Cortex-M4",
    model=UC_CPU_ARM_CORTEX_M4,
    cpuid=0x410FC241,
    fpu=True,
    actlr_mask=0x307,
    mvfr=(0x10110021, 0x11000011),
    id_registers=(
        *(0x00000030, 0x00000200, 0x00100000, 0x00000000),
        *(0x00100030, 0x00000000, 0x01000000, 0x00000000),
        *(0x01141110, 0x02112000, 0x21232231, 0x01111131, 0x01310102),
    ),
)
CORTEX_M7 = CoreSpec(
    name="Cortex-M7",
    model=UC_CPU_ARM_CORTEX_M7,
    cpuid=0x411FC270,
    fpu=True,
    icache=4 * 1024,  # the smallest build
    dcache=4 * 1024,
    actlr_mask=0x1FFFFC04,
    ccr_reset=0x40200,
    mvfr=(0x10110221, 0x12000011, 0x00000040),  # with double precision, as on an STM32H7
    id_registers=(
        *(0x00000030, 0x00000200, 0x00100000, 0x00000000),
        *(0x00100030, 0x00000000, 0x01000000, 0x00000000),
        *(0x01101110, 0x02112000, 0x20232231, 0x01111131, 0x01310132),
    ),
)
# Without the security extension, or where an option byte has it switched off: then its registers
# and bits are not there. CPUID, ACTLR and the identification registers: ARM 100230 (r0p4) tables
# 4-1 and 4-3. CCR resets to STKALIGN and bit 0, which read as one (DDI 0553B D1.2.10).
CORTEX_M33 = CoreSpec(
    name="Cortex-M33",
    model=UC_CPU_ARM_CORTEX_M33,
    cpuid=0x410FD214,
    architecture=8,
    fpu=True,
    actlr_mask=0x20001605,
    ccr_reset=0x201,
    mvfr=(0x10110021, 0x11000011, 0x00000040),
    id_registers=(
        *(0x00000030, 0x00000200, 0x00200000, 0x00000000),
        *(0x00101F40, 0x00000000, 0x01000000, 0x00000000),
        *(0x01101110, 0x02212000, 0x20232232, 0x01111131, 0x01310132),
    ),
)

#: By the names that chips use.
CORES = {
    "cortex-m0": CORTEX_M0,
    "cortex-m0+": CORTEX_M0PLUS,
    "cortex-m3": CORTEX_M3,
    "cortex-m4": CORTEX_M4F,
    "cortex-m7": CORTEX_M7,
    "cortex-m33": CORTEX_M33,
}
