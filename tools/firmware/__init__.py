"""The bench firmware: real MicroPython 1.25 for a board of `boards/`, built from Debian's source.

What it is for: proving the library without hardware. The virtual board of `tools.bench` needs a
firmware to run, one that anybody can build in a minute from a source package that a Debian mirror
has, and that the tests may vary: without the inline assembler, with threads, with the library
frozen in. It is MicroPython itself (core, extmod, configuration, linker script and the hardware
independent files of ports/stm32, all unmodified) on a small port in C, `port/`, that programs the
STM32F4 as the real stm32 port does, but without ST's HAL, which Debian's package does not have.
The official firmware of a board runs on the bench too, and is the better witness where one has it.

To a library it looks like the stm32 port, with these differences:

- no USB, `pyb`, `stm`, RTC and no peripheral classes but `machine.Pin`, `Timer` and `WDT`;
- `machine.Timer` also has the hardware timers 2 to 5, and takes `hard=True` (the real port has
  the one from 1.26 on and the other as `pyb.Timer`);
- the file system is mounted at `/`, not `/flash`; its blocks are stored inverted (`flashbdev.c`);
- `machine.bootloader()` enables the clock of SYSCFG before it writes MEMRMP;
- a fault says on the console where it happened before it resets the chip.

It is for the chips in the table of `board.py`. A board of `boards/` may have these keys besides
those that the bench needs: `sysclk_hz` (168 MHz if not given); in `[memory]`, `vectors = "flash"`
leaves the interrupt vectors at 0x08000000 (else they are in RAM, as on most NUCLEO boards of the
real port), and `heap = [0xD0000000, size]` puts the heap into external SDRAM on bank 2, wired as
on the STM32F429I-DISCO, and `heap = [0x10000000, size]` into CCM; `text = [0x90000000, size]` puts
the code into flash behind the QUADSPI, wired as on the STM32F469I-DISCO, and `text = [0x60000000,
size]` into NOR flash on bank 1 of the FMC, wired as on the STM32429I-EVAL. What runs before that
flash is set up, and what a reset looks at first, stays in internal flash.

    from . import build, source_tree
    elf = build("NUCLEO_F429ZI", "threads", frozen_manifest=Path("manifest.py"))
    tests = source_tree() / "tests"     # MicroPython's own test suite

Variants:

- `standard`: native and viper emitters and the inline assembler, as on most boards;
- `noasm`: without them, as on NUCLEO_WL55, so that a .mpy with native code is refused;
- `threads`: `standard` with `_thread`, whose threads run on stacks in the heap.

A variant other than `standard` appends `-NAME` to `sys.implementation._build`, as the real port
does.

Environment: `ROMBOOT_CACHE` is the directory for downloads and builds (`.cache` of the repository
if not set); `ROMBOOT_DEBIAN_MIRROR` is the address of a Debian mirror, asked before those of apt.
"""

from .builder import VARIANTS, build
from .errors import FirmwareError, MissingToolError
from .source import source_tree

__all__ = ["VARIANTS", "FirmwareError", "MissingToolError", "build", "source_tree"]
