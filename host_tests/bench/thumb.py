"""Small Thumb programs for the CPU tests, assembled with the GNU assembler and run on a core."""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

from tools.bench.clock import Clock
from tools.bench.core import CORTEX_M4F, PAGE, Core, CoreSpec, Memory

FLASH, RAM = 0x08000000, 0x20000000
STACK_TOP = RAM + 0x8000

#: Handlers a program may define (`hardfault:`, `irq0:` ...); the others are `stray`.
HANDLERS = (
    *("nmi", "hardfault", "memmanage", "busfault", "usagefault"),
    *("v7", "v8", "v9", "v10", "svcall", "debugmon", "v13", "pendsv", "systick"),
    *(f"irq{n}" for n in range(40)),
)
_SOURCE = """
.syntax unified
.cpu {cpu}
{fpu}
.thumb
.equ SCS, 0xE000E000
.equ ICSR, 0xE000ED04
.equ CCR, 0xE000ED14
.equ SHCSR, 0xE000ED24
.word {stack}
.word start
{vectors}
.thumb_func
stray: b .
.thumb_func
start:
{code}
.ltorg
"""


def assemble(
    code: str, spec: CoreSpec = CORTEX_M4F, base: int = FLASH, stack: int = STACK_TOP
) -> tuple[bytes, dict[str, int]]:
    """Image for the address `base`, vector table first, and the addresses of its labels.

    Handlers need `.thumb_func` before their label. Skips the test without an assembler.
    """
    if shutil.which("arm-none-eabi-as") is None:
        pytest.skip("arm-none-eabi-as is not installed, and this test assembles its program")
    return _assemble(code, spec.name.lower().replace("+", "plus"), spec.fpu, base, stack)


@functools.cache
def _assemble(
    code: str, cpu: str, fpu: bool, base: int, stack: int
) -> tuple[bytes, dict[str, int]]:
    source = _SOURCE.format(
        cpu=cpu,
        fpu=".fpu fpv4-sp-d16" if fpu else "",
        stack=hex(stack),
        vectors="\n".join(f".word {n if f'{n}:' in code else 'stray'}" for n in HANDLERS),
        code=code,
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.s").write_text(source)
        _tool(root, "as", "-o", "a.o", "a.s")
        _tool(root, "ld", f"-Ttext={base:#x}", "-e", "0", "-o", "a.elf", "a.o")
        return _read_elf((root / "a.elf").read_bytes(), base)


def _tool(root: Path, name: str, *arguments: str) -> None:
    result = subprocess.run(
        [f"arm-none-eabi-{name}", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def _read_elf(elf: bytes, base: int) -> tuple[bytes, dict[str, int]]:
    """Contents of .text, and the symbols (32-bit little-endian ELF)."""
    (table,) = struct.unpack_from("<I", elf, 32)
    size, count, _ = struct.unpack_from("<3H", elf, 46)
    sections = [struct.unpack_from("<10I", elf, table + n * size) for n in range(count)]
    text = next(s for s in sections if s[1] == 1 and s[3] == base)
    symtab = next(s for s in sections if s[1] == 2)
    names = sections[symtab[6]][4]
    labels = {}
    for at in range(symtab[4], symtab[4] + symtab[5], 16):
        name, value = struct.unpack_from("<2I", elf, at)
        labels[elf[names + name : elf.index(0, names + name)].decode()] = value & ~1
    return elf[text[4] : text[4] + text[5]], labels


class Machine:
    """A core with 64 KiB of flash and 64 KiB of RAM, running one assembled program."""

    def __init__(
        self,
        code: str,
        *,
        spec: CoreSpec = CORTEX_M4F,
        base: int = FLASH,
        stack: int = STACK_TOP,
    ) -> None:
        image, self.labels = assemble(code, spec, base, stack)
        self.clock = Clock(hclk=16_000_000)
        self.core = Core(spec, self.clock)
        self.flash = Memory(0x10000, name="flash")
        self.ram = Memory(0x10000, name="RAM")
        self.flash.write(0, image)
        self.core.map_memory(0, self.flash, writable=False)  # the alias that VTOR = 0 means
        if base:
            self.core.map_memory(base, self.flash, writable=False)
        self.core.map_memory(RAM, self.ram)
        self.core.reset(base)

    def run(self, cycles: int = 10_000) -> Machine:
        """Run; returns itself, so that a test reads `Machine(...).run().r(0)`."""
        self.stop = self.core.run(cycles=cycles)
        return self

    def erase_for_programming(self, offset: int) -> None:
        """Blank a page of flash; from now on stores of the CPU to flash program it."""
        self.flash.fill(offset, PAGE, 0xFF)

        def program(address: int, size: int, value: int) -> bool:
            self.flash.store(address - FLASH, size, value)
            return True

        self.core.unmap(FLASH, self.flash.size)
        self.core.map_memory(FLASH, self.flash, writable=False, on_write=program)

    def r(self, number: int) -> int:
        return self.core.state().r[number]

    def word(self, address: int) -> int:
        return self.core.bus.load(address)

    @property
    def pc(self) -> int:
        return self.core.state().pc

    @property
    def taken(self) -> list[int]:
        """Exception numbers, in the order taken."""
        return [entry.number for entry in self.core.exceptions_taken]
