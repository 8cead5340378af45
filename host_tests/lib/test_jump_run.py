"""The machine code of jump.py runs on each kind of core, from wherever it may be called."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import RAM
from host_tests.lib.departure import (
    CONTROL,
    HELPER,
    IMAGE,
    IN_FLASH,
    MPU,
    PSP,
    SDRAM,
    Departure,
    image,
)
from tools.bench.cpu.spec import CORES, CORTEX_M4F

ARMV6M = ("cortex-m0", "cortex-m0+")
ARMV7M = ("cortex-m3", "cortex-m4", "cortex-m7")
ARMV8M = "cortex-m33"

# Pieces of applications, ARMv6-M instructions; {go} calls the helper.
TO_PSP = f"ldr r4,={PSP}; msr PSP,r4; movs r4,#2; msr CONTROL,r4; isb\n"
IRQ0 = """
    ldr r4,=0xE000E100; movs r5,#1; str r5,[r4]     @ NVIC.ISER0
    movs r6,#1; lsls r6,r6,#8; str r5,[r4,r6]       @ NVIC.ISPR0
    b .
"""
NMI = "ldr r4,=ICSR; movs r5,#1; lsls r5,r5,#31; str r5,[r4]; b .\n"
PENDSV = "ldr r4,=ICSR; movs r5,#1; lsls r5,r5,#28; str r5,[r4]; b .\n"
SYSTICK = "ldr r4,=ICSR; movs r5,#1; lsls r5,r5,#26; str r5,[r4]; b .\n"
SVC = "svc #0\nb .\n"


def handler(name: str, code: str = "{go}") -> str:
    return f".thumb_func\n{name}: {code}\n"


#: On every core: one exception at most is active.
ANYWHERE = {
    "thread mode": "{go}",
    "thread mode on PSP": TO_PSP + "{go}",
    "PRIMASK set": "cpsid i; {go}",
    "an interrupt": IRQ0 + handler("irq0", "push {r4, lr}; {go}"),
    "an interrupt of thread mode on PSP": TO_PSP + IRQ0 + handler("irq0"),
    "an interrupt of unprivileged thread mode": f"""
        {IRQ0.replace("b .", "")}
        b .
        {handler("irq0", "movs r4,#3; msr CONTROL,r4; {go}")}
    """,
    "the NMI": NMI + handler("nmi"),
    "SVCall": SVC + handler("svcall"),
    "PendSV": PENDSV + handler("pendsv"),
    "SysTick": SYSTICK + handler("systick"),
    "sleep on exit": f"""
        ldr r4,=0xE000ED10; movs r5,#2; str r5,[r4]
        {IRQ0}
        {handler("irq0")}
    """,
    "a HardFault": "udf #0\nb .\n" + handler("hardfault"),
}

ENABLE_FAULTS = "ldr r4,=SHCSR; ldr r5,=0x70000; str r5,[r4]\n"
# Priorities: interrupt 1 above SVCall, PendSV and SysTick, those above interrupt 0.
PRIORITIES = """
    ldr r4,=0xE000E400; ldr r5,=0x40C0; str r5,[r4]             @ NVIC.IPR0
    ldr r4,=0xE000ED1C; ldr r5,=0x80000000; str r5,[r4]         @ SHPR2
    ldr r5,=0x80800000; str r5,[r4,#4]                          @ SHPR3
"""
IRQ1 = """
    ldr r4,=0xE000E100; movs r5,#2; str r5,[r4]
    movs r6,#1; lsls r6,r6,#8; str r5,[r4,r6]
    b .
"""
FORBID_SRAM = """
    ldr r4,=0xE000ED94
    movs r5,#0x10; ldr r6,=0x20000010; str r6,[r4,#8]           @ RBAR, region 0
    ldr r6,=0x13060025; str r6,[r4,#12]                         @ RASR: XN, full access
    movs r5,#7; str r5,[r4]; dsb; isb                           @ also in NMI and HardFault
"""
#: PMSAv7
MPU_ON = {
    "the MPU forbids to execute in SRAM": FORBID_SRAM + "{go}",
    "the NMI, the MPU as well": FORBID_SRAM + NMI + handler("nmi"),
}
FORBID_SRAM_V8 = """
    ldr r4,=0xE000ED94; movs r5,#0xFF; str r5,[r4,#0x2C]        @ MAIR0
    movs r5,#0; str r5,[r4,#4]; ldr r5,=0x20000003; str r5,[r4,#8]  @ RNR, RBAR: read-write, XN
    ldr r5,=0x2000FFE1; str r5,[r4,#12]                         @ RLAR
    movs r5,#7; str r5,[r4]; dsb; isb
"""
LIMITS = f"""
    mov r4,sp; sub r4,#80; msr MSPLIM,r4
    ldr r4,={PSP - 64}; msr PSPLIM,r4; ldr r4,={PSP}; msr PSP,r4
"""
#: Stack limits and PMSAv8
ON_ARMV8M = {
    "stack limits": LIMITS + "{go}",
    "stack limits, an interrupt": LIMITS + ANYWHERE["an interrupt"],
    "stack limits, thread mode on PSP": LIMITS + ANYWHERE["thread mode on PSP"],
    "the MPU forbids to execute in SRAM, PMSAv8": FORBID_SRAM_V8 + "{go}",
    "the NMI, PMSAv8 as well": FORBID_SRAM_V8 + NMI + handler("nmi"),
}
#: Where there is SHCSR, IABR and RETTOBASE: others are active too.
NESTED = {
    "BASEPRI set": "movs r4,#0x40; msr BASEPRI,r4; {go}",
    "FAULTMASK set": "cpsid f; {go}",
    "FPU in use": "{go}",
    **{
        f"interrupt 1 in {name} in interrupt 0": PRIORITIES
        + IRQ0
        + handler("irq0", pend)
        + handler(name, IRQ1)
        + handler("irq1")
        for name, pend in (("svcall", SVC), ("pendsv", PENDSV), ("systick", SYSTICK))
    },
    **{
        f"the NMI in {name}": ENABLE_FAULTS + cause + handler(name, NMI) + handler("nmi")
        for name, cause in (
            ("memmanage", "ldr r4,=0xE0000001; bx r4\n"),
            ("busfault", "ldr r4,=0x60000000; ldr r4,[r4]\n"),
            ("usagefault", "udf #0\n"),
            ("svcall", SVC),
            ("irq0", IRQ0),
        )
    },
    **{
        f"{name} in interrupt 0": ENABLE_FAULTS
        + PRIORITIES
        + IRQ0
        + handler("irq0", cause)
        + handler(name)
        for name, cause in (
            ("memmanage", "ldr r4,=0xE0000001; bx r4\n"),
            ("busfault", "ldr r4,=0x60000000; ldr r4,[r4]\n"),
            ("usagefault", "udf #0\n"),
            ("svcall", SVC),
            ("pendsv", PENDSV),
            ("systick", SYSTICK),
        )
    },
    "interrupt 40 in interrupt 3 in PendSV": """
        ldr r4,=0xE000E400; ldr r5,=0x40000000; str r5,[r4]
        ldr r4,=0xE000ED20; ldr r5,=0x00800000; str r5,[r4]
    """
    + PENDSV
    + handler("pendsv", "ldr r4,=0xE000E100; movs r5,#8; str r5,[r4]; str r5,[r4,#0x100]; b .\n")
    + handler("irq3", "ldr r4,=0xE000E104; movs r5,#128; str r5,[r4]; str r5,[r4,#0x100]; b .\n")
    + handler("irq39"),
    "interrupt 3 in interrupt 39": """
        ldr r4,=0xE000E424; ldr r5,=0x40000000; str r5,[r4]
        ldr r4,=0xE000E104; movs r5,#128; str r5,[r4]; str r5,[r4,#0x100]; b .
    """
    + handler("irq39", "ldr r4,=0xE000E100; movs r5,#8; str r5,[r4]; str r5,[r4,#0x100]; b .\n")
    + handler("irq3"),
    "helper in RAM": "{go}",
    "image anywhere": "{go}",
}


IC, DC = 1 << 17, 1 << 16  # of CCR
IMAGE_BYTES = len(image())


def cached(enabled: int, image_at: int = IMAGE) -> str:
    """Caches are on, and the image is where it is by the CPU's own stores."""
    return f"""
        ldr r4,=0xE000EF50; movs r5,#0; str r5,[r4]; dsb; isb           @ ICIALLU
        ldr r4,=CCR; ldr r5,[r4]; ldr r6,={enabled}; orr r5,r6; str r5,[r4]; dsb; isb
        ldr r4,={IN_FLASH}; ldr r5,={image_at}; ldr r6,={IMAGE_BYTES}
1:      ldr r7,[r4]; str r7,[r5]; adds r4,#4; adds r5,#4; subs r6,#4; bgt 1b
    """


SDRAM_REGION = f"""
        ldr r4,=0xE000ED94; ldr r5,={SDRAM | 0x10}; str r5,[r4,#8]      @ RBAR, region 0
        ldr r5,=0x03030027; str r5,[r4,#12]     @ RASR: 1 MiB, write-back
        movs r5,#5; str r5,[r4]; dsb; isb
"""
#: On a Cortex-M7: what is stored is not in memory yet, and what is executed may be old.
CACHED = {
    "both caches on": cached(IC | DC) + "{go}",
    "the I-cache on": cached(IC) + "{go}",
    "the D-cache on": cached(DC) + "{go}",
    "both caches on, another one selected, UNALIGN_TRP set": cached(IC | DC | 8)
    + "ldr r4,=0xE000ED84; movs r5,#8; str r5,[r4]; {go}",
    "both caches on, thread mode on PSP": cached(IC | DC) + ANYWHERE["thread mode on PSP"],
    "both caches on, an interrupt": cached(IC | DC) + ANYWHERE["an interrupt"],
    "both caches on, the MPU as well": cached(IC | DC) + FORBID_SRAM + "{go}",
}
CACHED_SDRAM = SDRAM_REGION + cached(IC | DC, SDRAM) + "{go}"
SRAM_TOO = SDRAM_REGION.replace(str(SDRAM | 0x10), str(SDRAM | 0x11)) + FORBID_SRAM
IN_SDRAM = {
    "image and helper in SDRAM, SRAM forbidden": SRAM_TOO + cached(0, SDRAM) + "{go}",
    "both caches on, the image in SDRAM": CACHED_SDRAM,
    "both caches on, image and helper in SDRAM": CACHED_SDRAM,
    "image and helper in SDRAM": SDRAM_REGION + cached(0, SDRAM) + "{go}",
}
PLACES = {**ANYWHERE, **NESTED, **MPU_ON, **ON_ARMV8M, **CACHED, **IN_SDRAM}


HELPERS = {"helper in RAM": RAM + 0x2000}
IMAGES = {"image anywhere": IMAGE + 4}


class Leaving(Departure):
    """From one of PLACES, on one of CORES."""

    def __init__(self, where: str, core: str, helper: bytes | None = None) -> None:
        super().__init__(
            PLACES[where],
            CORES[core],
            helper,
            HELPERS.get(where, SDRAM + 0x800 if "helper in SDRAM" in where else HELPER),
            SDRAM if where in IN_SDRAM else IMAGES.get(where, IMAGE),
        )
        if "helper in SDRAM" in where:  # its script switches the MPU off
            enabled = 7 if "forbidden" in where else 5
            self.mpu_then = enabled, MPU[1]
        if where == "the I-cache on" and self.core.caches:  # what another may hold is not written
            cleaned = "the D-cache was cleaned while it was off"
            self.core.caches.maintain_set = lambda value, **_: self.foreign.add(cleaned)

    def off(self) -> list[str]:
        self.core.faults.clear()  # those that the application made
        return super().off()


def departs(where: str, core: str) -> list[str]:
    """Names of what is off in the ROM."""
    return Leaving(where, core).run().off()


@pytest.mark.parametrize("core", [*ARMV6M, *ARMV7M, ARMV8M])
@pytest.mark.parametrize("where", ANYWHERE)
def test_it_arrives_as_after_a_reset(where: str, core: str) -> None:
    assert departs(where, core) == []


@pytest.mark.parametrize("core", ARMV7M)
@pytest.mark.parametrize("where", MPU_ON)
def test_it_switches_the_mpu_off(where: str, core: str) -> None:
    assert departs(where, core) == []


@pytest.mark.parametrize("where", ON_ARMV8M)
def test_it_leaves_no_stack_limits_and_another_mpu_off(where: str) -> None:
    assert departs(where, ARMV8M) == []


@pytest.mark.parametrize("core", [*ARMV7M, ARMV8M])
@pytest.mark.parametrize("where", NESTED)
def test_it_leaves_nested_handlers(where: str, core: str) -> None:
    assert departs(where, core) == []


@pytest.mark.parametrize("where", [*CACHED, *IN_SDRAM])
def test_it_leaves_the_caches_clean_and_off(where: str) -> None:
    assert departs(where, "cortex-m7") == []


@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_it_reads_control(control: int) -> None:
    """Privileged or not (bit 0), on which stack (bit 1)."""
    run = Departure(
        f"""
        ldr r4,={PSP}; msr PSP,r4; movs r4,#{control}; msr CONTROL,r4; isb
        movs r0,#0; movs r1,#{CONTROL}; ldr r2,={HELPER | 1}; blx r2
        mov r8,r0
        b .
        """,
        CORTEX_M4F,
    ).run(100)
    assert run.machine.r(8) == control
