"""The bench firmware: real MicroPython 1.25 for a board of `boards/`, built from Debian's source.

It serves to test the library without hardware. The virtual board of `tools.bench` needs a firmware
that can be built in a minute from a source package of Debian, and in variants: without the inline
assembler, with threads, with the library frozen in. It is MicroPython itself (core, extmod,
configuration, linker scripts and the hardware independent files of ports/stm32, all unmodified) on
a small port in C, `port/`, without ST's HAL, which Debian's package does not have. The official
firmware of a board runs on the bench too, and proves more.

The port has two parts. The common one is for any Cortex-M STM32 with a chip file in the bench: it
runs at the clock that a reset leaves, has the console on a USART or LPUART, soft timers, a
watchdog and `machine.bootloader()` through the early-boot hook, and no file system. All that it
must know of a chip (addresses, enable bits, interrupt numbers, reset flags, memory) is written
into headers and a linker script by `boardfiles.py`, from the chip file and `boards/<BOARD>.toml`;
what the compiler must know of a core is a row in `cores.py`. `port/f4/` is what only the STM32F4
has beside it: full speed, a file system in internal flash, `machine.Pin`, hardware timers, CCM,
external memory.

To a library it looks like the stm32 port, with these differences:

- no USB, `pyb`, `stm`, RTC and no peripheral classes but `machine.Timer` and `WDT`;
- `machine.bootloader()` enables the clock of SYSCFG before it writes MEM_MODE;
- a fault says on the console where it happened before it resets the chip;
- on the F4 there is `machine.Pin`, and `machine.Timer` also has the hardware timers 2 to 5 and
  takes `hard=True` (the real port has the one from 1.26 on and the other as `pyb.Timer`); the file
  system is mounted at `/`, not `/flash`; its blocks are stored inverted (`f4/flashbdev.c`);
- on all others there is no file system and no `machine.Pin`, and `machine.freq()` cannot be set.

A board of `boards/` may have these keys besides those that the bench needs. In `[memory]`: `ram`,
the name of the memory of the chip file that has variables, heap and stack (`SRAM` if not given),
or of several that follow each other (`DTCM SRAM`); `ram_kib`, how much of it from its start (all
if not given); `heap = [0xD0000000, size]` for a heap in external SDRAM on bank 2, wired as on the
STM32F429I-DISCO, or `[0xC0000000, size]` for bank 1, as on the STM32F746G-DISCO; `vectors =
"flash"` leaves the interrupt vectors at the start of flash (else they are in RAM, as on most
NUCLEO boards of the real port); `text = [0x90000000, size]` puts the code into flash behind the
QUADSPI, wired as on the STM32F469I-DISCO (F4) or the PYBD (F7), and `text = [0x60000000, size]`
into NOR flash on bank 1 of the FMC, wired as on the STM32429I-EVAL. What runs before that flash is
set up, and the vector table, stay in internal flash. In `[firmware]`: `assembler = false` and
`asyncio = false` where the official firmware has no inline assembler or does not freeze asyncio,
and a table `config` of other macros of its mpconfigboard.h. For the F4: `sysclk_hz` (168 MHz if
not given); in `[memory]`, `filesystem = [base, size]`, which each has, and `heap = [0x10000000,
size]` for a heap in CCM.

    from . import build, source_tree
    elf = build("NUCLEO_F429ZI", "threads", frozen_manifest=Path("manifest.py"))
    tests = source_tree() / "tests"     # MicroPython's own test suite

Variants:

- `standard`: as the official firmware of the board: with native and viper emitters and the inline
  assembler, unless the board has `assembler = false`;
- `noasm`: without them, as on NUCLEO_WL55, so that a .mpy with native code is refused;
- `threads`: `standard` with `_thread`, whose threads run on stacks in the heap.

A variant other than `standard` appends `-NAME` to `sys.implementation._build`, as the real port
does.

Environment: `ROMBOOT_CACHE` is the directory for downloads and builds (`.cache` of the repository
if not set); `ROMBOOT_DEBIAN_MIRROR` is the address of a Debian mirror, tried before those of apt.
"""

from .board import load_board
from .builder import VARIANTS, build
from .errors import FirmwareError, MissingToolError
from .source import source_tree

__all__ = ["VARIANTS", "FirmwareError", "MissingToolError", "build", "load_board", "source_tree"]
