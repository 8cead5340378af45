"""A board that needs no library: what the library says of it, and how it is sent into its ROM.

The library runs on this machine, on the memory of the board. What it does from the moment on when
there is no prompt any more becomes a list of steps; the board gets that list, and what the steps
need: the image and the machine code.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from ... import tables
from ...tables import no_row
from ...tables.family import Die, Family
from ..errors import CliError, Code, in_shell
from ..port.prompt import NO_ROOM, Prompt
from . import entering
from .helper import Helper
from .memory import PREPARE, Buffers, GoneError, Memory
from .modules import Modules, narrow
from .who import STM32, Who, who

# Words that tell what core this is and where its vector table is. ARM DDI 0403E B3.2
CPUID, ICSR, VTOR, CCR, MPU_TYPE = (0xE000ED00 + offset for offset in (0, 4, 8, 0x14, 0x90))

# What chip.syncing() may call; the second one before MicroPython 1.23, where there may be no pyb.
SYNC = "import os\n if hasattr(os,'sync'):os.sync()"
SYNC_FLASH = "from pyb import Flash\n Flash().ioctl(3,0)"

# A function, as its names are found more quickly. It allocates nothing.
GO = """
import gc,time
from machine import disable_irq
{helper}
def go(sleep_ms,disable_irq,mem32,helper):
 {statements}
gc.collect()
print({going!r})
time.sleep_ms({after_ms})
go(time.sleep_ms, disable_irq, mem32, helper)
"""

# Of the library, where its code cannot run; and what to say of that here.
BY_HOST = "Use `romboot enter`, or freeze"
FROZEN = "This firmware names no internal SRAM that is free. Use --installed, and freeze"


class RefusedError(CliError):
    """The library refused. The board is at its prompt, and every register as before."""

    code = Code.REFUSED


class _SaidError(Exception):
    """An exception of the board: it looks as it did there."""

    def __repr__(self) -> str:
        return str(self)


class Hosted:
    """At its prompt, right after a soft reset.

    Args:
        prompt: of the board.
        known: its family, die and IDCODE, if it has been asked: it is not asked again.
        said: the same of its firmware.

    Attributes:
        who: what its firmware says of itself.
    """

    def __init__(
        self, prompt: Prompt, known: tuple[Family, Die, int] | None = None, said: Who | None = None
    ) -> None:
        self._prompt, self._known = prompt, known
        self.who = said or who(prompt)
        if self.who.platform == STM32:
            prompt.run(PREPARE)
        self._memory = memory = Memory(prompt)
        self._buffers = buffers = Buffers(prompt, memory)
        self._library = library = Modules(
            {
                "machine": memory.machine,
                "micropython": SimpleNamespace(const=lambda value: value),
                "sys": SimpleNamespace(
                    platform=self.who.platform,
                    implementation=SimpleNamespace(version=self.who.number),
                ),
                "os": SimpleNamespace(sync=lambda: self._sync(SYNC)),
                "pyb": SimpleNamespace(Flash=lambda: SimpleNamespace(ioctl=self._sync_flash)),
                "time": _time(memory),
                "uctypes": buffers,
            }
        )
        self._helper = Helper(prompt, library, memory, buffers)
        library.surroundings["romboot.jump"] = self._helper
        chip = library.module("chip")
        with self._refusals():
            chip.check_port()
        self._find_chip, chip.find = chip.find, functools.cache(self._find)
        reset = library.module("reset")
        reset._has_code = self._has_code
        reset._room = buffers.page  # the heap of a board after a soft reset is in one piece

    def info(self) -> Any:
        """An Info of the library."""
        with self._refusals():
            facts = self._library.module("facts")
            self._read_for_info(facts.find())
            return facts.Info()

    def plan(self, *, force: bool = False, via: str | None = None) -> Any:
        """A Plan of the library."""
        self._buffers.clear()
        with self._refusals():
            plan = self._library.module("facts").Plan(force, via)
        self._read_for_info(plan.chip)
        self._memory.fetch(address for _, address, _, _ in plan.steps() if address)
        return plan

    def reasons(self, *, via: str | None = None) -> list[str]:
        """Why this way is refused; empty if it is not."""
        try:
            return [in_shell(str(reason)) for reason in self.plan(via=via).reasons]
        except RefusedError as error:
            return [str(error)]

    def check(self, *, force: bool = False, via: str | None = None) -> Any:
        """An Entry of the library. Raises RefusedError if something prevents entry."""
        self._buffers.clear()
        with self._refusals():
            way = self._library.module("entry").Entry(force, via)
            if way.reasons:
                raise way.reasons[0]
        return way

    def enter(self, *, force: bool = False, via: str | None = None) -> None:
        """Enter the ROM, and return when the board has gone.

        Raises:
            RefusedError: it did not go, and is as it was.
            BackError: its prompt is back already.
        """
        way = self.check(force=force, via=via)
        with self._refusals():
            chip, family = self._library.module("chip"), way.chip.family
            connections = chip.connections(family)
            chip.sync(chip.syncing(), force)
            self._go(lambda: chip.leave_now(connections, way.go))

    def _go(self, steps: Callable[[], None]) -> None:
        back = None  # what it means if the prompt is there after the last step
        with self._memory.recording() as statements:
            try:
                steps()
            except GoneError:
                pass
            except self._library.module().RomBootError as error:
                back = error
        self._buffers.send()
        code = GO.format(
            helper=narrow(self._helper.source),
            statements="\n ".join(statements),
            going=entering.GOING,
            after_ms=entering.AFTER_MS,
        )
        entering.enter(self._prompt, code, back)

    # What the library is about to read is read all at once: each command takes some 40 ms.

    def _find(self) -> Any:
        needed = [CPUID, ICSR, VTOR, CCR, MPU_TYPE]
        if self._known:
            needed += needed_to_enter(self._known[0])
        self._memory.fetch(needed)
        self._memory.fetch([self._memory.read(VTOR, 4)])  # where the initial stack pointer is
        if self._known:
            family, die, idcode = self._known
            module = self._library.module(family.module)
            return self._library.module("chip").Chip(module, family.dies.index(die), idcode)
        found = self._find_chip()
        self._memory.fetch(needed_to_enter(_family(found)))
        return found

    def _read_for_info(self, found: Any) -> None:
        family = _family(found)
        self._memory.fetch(needed_for_info(family, family.dies[found.number]))

    def _sync(self, code: str) -> None:
        caught = f"try:\n {code}\nexcept ImportError:pass\nexcept Exception as e:print(repr(e))"
        if said := self._prompt.run(caught).strip():
            raise _SaidError(said)

    def _sync_flash(self, *_: int) -> None:
        self._sync(SYNC_FLASH)

    def _has_code(self, *arguments: int) -> bool:
        # The board looks through its flash itself.
        source = self._library.source("reset", "_has_code")
        return self._prompt.run(f"{source}print(_has_code{arguments})").strip() == "True"

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except MemoryError as error:
            raise RefusedError(NO_ROOM) from error
        except self._library.module().RomBootError as error:
            raise RefusedError(_for_host(error)) from error


def _for_host(error: Exception) -> str:
    """The library's sentence, with what this machine can add."""
    unknown = re.search("DEV_ID 0x([0-9A-F]{3}) .*: romboot does not know", str(error))
    if unknown and (none := no_row.DIES.get(int(unknown[1], 16))):
        return f"DEV_ID 0x{unknown[1]}: {none.sentence}"
    return in_shell(str(error)).replace(BY_HOST, FROZEN)


def needed_to_enter(family: Family) -> Iterator[int]:
    """Addresses that the library reads on any chip of a family, on its way into the ROM."""
    yield from (family.vectors, family.vectors + 4, family.flash_size)
    yield family.lsi.address
    if family.protection:
        yield family.protection.address
    yield from (check.address for state in family.states for check in state.checks)
    yield from (usart.clock.register.address for usart in family.usarts)
    yield from (port.clock.register.address for port in family.usb)


def needed_for_info(family: Family, die: Die) -> Iterator[int]:
    """The same, for what it says of the chip."""
    yield from (*family.unique_id, die.rom_id)
    yield from (option.register.address for option in die.options)
    if family.pcrop:
        yield from (register.address for register in family.pcrop.read(die))
    yield from (register.address for register in family.write_protection.read(die))


def _family(found: Any) -> Family:
    """Of a Chip of the library."""
    return tables.family(found.family.__name__.rpartition(".")[2])


def _time(memory: Memory) -> SimpleNamespace:
    """The module `time`."""
    return SimpleNamespace(
        ticks_ms=lambda: int(time.monotonic() * 1000),
        ticks_add=lambda ticks, ms: ticks + ms,
        ticks_diff=lambda new, old: new - old,
        sleep_ms=lambda ms: memory.later(f"sleep_ms({ms})"),
    )
