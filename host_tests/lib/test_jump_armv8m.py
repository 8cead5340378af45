"""The machine code of jump.py on QEMU's Cortex-M33, in Non-secure state.

The board (ARM AN505) starts in Secure state; a few instructions give everything away.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from host_tests.bench.thumb import HANDLERS, RAM, STACK_TOP
from host_tests.lib.departure import (
    AFTER,
    BEFORE,
    IMAGE,
    ROM_MSP,
    WORDS,
    calling,
    helper_code,
    image,
)
from host_tests.lib.test_jump_run import ANYWHERE, NESTED, ON_ARMV8M

SECURE, CODE = 0x10000000, 0x28000000  # ARM AN505: SSRAM1, SSRAM2; RAM is the SRAM of the IoT kit
HELPER, ROM = CODE + 0x8000, CODE + 0x100000
TO_SECURE_ALIAS = 0x10000000
LIMIT_S = 10

# ARM DDI 0553 (ARMv8-M): SAU_CTRL.ALLNS, NVIC_ITNS, AIRCR.BFHFNMINS, VTOR_NS. ARM DDI 0571
# (SIE-200), memory protection controllers: all blocks from BLK_IDX (0x18) to BLK_MAX (0x10) get
# their bit in BLK_LUT (0x1C); CTRL bit 8 counts on.
SOURCE = """
.syntax unified
.cpu cortex-m33
.thumb
.equ ICSR, 0xE000ED04
.equ SHCSR, 0xE000ED24
.section .secure,"ax"
        .word {secure} + 0x8000, boot
        .rept 14
        .word stray
        .endr
        .thumb_func
boot:   ldr r4,=0x58008000; bl give
        ldr r4,=0x50083000; bl give
        ldr r4,=0xE000EDD0; movs r5,#2; str r5,[r4]
        ldr r4,=0xE000E380; mvn r5,#0; str r5,[r4]; str r5,[r4,#4]
        ldr r4,=0xE000ED0C; ldr r5,=0x05FA2000; str r5,[r4]
        ldr r4,=0xE002ED08; ldr r5,={code}; str r5,[r4]
        ldr r4,={stack}; msr MSP_NS,r4
        ldr r4,=start; bic r4,#1; bxns r4
give:   movs r5,#0; str r5,[r4,#0x18]
        ldr r6,[r4]; orr r6,#0x100; str r6,[r4]
        ldr r5,[r4,#0x10]; mvn r6,#0
1:      str r6,[r4,#0x1C]; subs r5,#1; bpl 1b
        bx lr
        .thumb_func
stray:  ldr r1,=0x20026; movs r0,#0x18; bkpt 0xAB       @ SYS_EXIT, nothing said
        b .
.section .app,"ax"
        .word {stack}, start
{vectors}
        .thumb_func
start:  {application}
.ltorg
.section .helper,"ax"
        .byte {helper}
.section .ram,"ax"
        .word {before}
.section .image,"ax"
        .byte {image}
.section .rom,"ax"
        .word {rom_msp}, arrived
        .thumb_func
arrived: mov r7,sp
        ldr r4,={log}
        mrs r5,ipsr; mrs r6,control; stm r4!,{{r5,r6,r7}}
        mov r5,lr; mrs r6,primask; mrs r7,basepri; stm r4!,{{r5,r6,r7}}
        mrs r5,faultmask; mrs r6,msplim; mrs r7,psplim; stm r4!,{{r5,r6,r7}}
        ldr r5,=SHCSR; ldr r5,[r5]; ldr r6,=0xE000E300; ldr r7,[r6,#4]; ldr r6,[r6]
        stm r4!,{{r5,r6,r7}}
        ldr r5,={words}; movs r6,#{count}
1:      ldr r7,[r5],#4; str r7,[r4],#4; subs r6,#1; bne 1b
        ldr r5,={log}; sub r6,r4,r5     @ SYS_OPEN ":tt" for writing, SYS_WRITE, SYS_EXIT
        adr r0,tt; movs r1,#4; movs r2,#3; stm r4!,{{r0,r1,r2}}; sub r1,r4,#12
        movs r0,#1; bkpt 0xAB
        stm r4!,{{r0,r5,r6}}; sub r1,r4,#12; movs r0,#5; bkpt 0xAB
        ldr r1,=0x20026; movs r0,#0x18; bkpt 0xAB
        b .
        .balign 4
tt:     .asciz ":tt"
"""
LOG = RAM + 0x1000  # above the ROM's stack
NAMES = (
    *("IPSR", "CONTROL", "MSP", "LR", "PRIMASK", "BASEPRI", "FAULTMASK", "MSPLIM", "PSPLIM"),
    *("active system handlers", "IABR0", "IABR1"),
)
WANTED = (0, 0, ROM_MSP, 0xFFFFFFFF, 0, 0, 0, 0, 0, 0, 0, 0)
SHCSR_ACTIVE = 0xFFF

PLACES = {**ANYWHERE, **NESTED, **ON_ARMV8M}


def sections(application: str, helper: bytes) -> tuple[str, str]:
    """Assembler source, and the linker script that puts its parts in their places."""

    def listed(values: bytes | tuple[int, ...]) -> str:
        return ",".join(map(str, values))

    source = SOURCE.format(
        secure=SECURE,
        code=CODE,
        stack=STACK_TOP,
        vectors="\n".join(f".word {n if f'{n}:' in application else 'stray'}" for n in HANDLERS),
        application=calling(application, HELPER),
        helper=listed(helper),
        before=listed(BEFORE),
        image=listed(image(ROM)),
        rom_msp=ROM_MSP,
        log=LOG,
        words=WORDS,
        count=len(AFTER),
    )
    places = {".app": CODE, ".helper": HELPER, ".rom": ROM, ".ram": WORDS, ".image": IMAGE}
    lines = [f".secure {SECURE:#x} : {{ *(.secure) }}"]
    lines += [
        f"{name} {at:#x} : AT({at + TO_SECURE_ALIAS:#x}) {{ *({name}) }}"
        for name, at in places.items()
    ]
    return source, "SECTIONS {\n" + "\n".join(lines) + "\n}\n"


def off(application: str, folder: Path, helper: bytes | None = None) -> list[str]:
    """Names of what is not as a reset would have left it, in the ROM."""
    source, script = sections(application, helper or helper_code())
    (folder / "a.s").write_text(source)
    (folder / "a.ld").write_text(script)
    for command in ("as -o a.o a.s", "ld -T a.ld -e 0 -o a.elf a.o"):
        subprocess.run(f"arm-none-eabi-{command}".split(), check=True, cwd=folder)
    command = "qemu-system-arm -M mps2-an505 -display none -serial none -monitor none"
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    try:
        result = subprocess.run(
            [*command.split(), *semihosting, "-kernel", "a.elf"],
            cwd=folder,
            capture_output=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return ["the ROM was never reached"]
    if not result.stdout:  # a fault, or a fault within a fault: then QEMU gives up
        return ["the ROM was never reached"]
    said = struct.unpack(f"<{len(result.stdout) // 4}I", result.stdout)
    state = list(said[: len(NAMES)])
    state[NAMES.index("active system handlers")] &= SHCSR_ACTIVE
    wrong = [name for name, a, b in zip(NAMES, state, WANTED, strict=True) if a != b]
    return wrong + ["memory"] * (said[len(NAMES) :] != AFTER)


@pytest.mark.parametrize("where", PLACES)
def test_it_arrives_as_after_a_reset(where: str, tmp_path: Path) -> None:
    assert off(PLACES[where], tmp_path) == []
