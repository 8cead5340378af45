"""Free internal SRAM, for a board whose heap is where nothing can be executed: in SDRAM or CCM.

The linker scripts of MicroPython's stm32 port (ports/stm32/boards) keep a piece of internal SRAM
for the heap: from _heap_start, the end of .bss, to _heap_end, where the main stack ends. Nothing
else is ever there. Variables, a vector table, the buffers of USB, Ethernet and DMA are in .data
and .bss; the cache of the flash driver has a region of its own, or is above the stack. So all of
it is free if the heap is elsewhere: `machine.info(1)` prints both symbols, and where each part of
the heap begins.
"""

from __future__ import annotations

import re

from ..port.prompt import BoardError, Prompt

INFO = "import machine\nmachine.info(1)"
SYMBOL = re.compile(r"^(_heap_start|_heap_end)=(?:0x)?([0-9a-f]+)\s*$", re.MULTILINE)
HEAP = re.compile(r"^GC memory layout; from (?:0x)?([0-9a-f]+):", re.MULTILINE)


def can_run(address: int) -> bool:
    """Code can, by what the memory map says. Entry of the library asks the same.

    CCM begins at 0x10000000 (RM0090 2.3.1); from 0xA0000000 on nothing is executed without a
    region of the MPU (ARM DDI 0403E B3.1).
    """
    return address >> 28 != 1 and address < 0xA000_0000


def free(prompt: Prompt) -> range:
    """Addresses that nothing uses; empty if this firmware does not tell of any."""
    try:
        said = prompt.run(INFO)
    except BoardError:
        return range(0)
    symbols = {name: int(value, 16) for name, value in SYMBOL.findall(said)}
    heaps = [int(start, 16) for start in HEAP.findall(said)]
    room = range(symbols.get("_heap_start", 0), symbols.get("_heap_end", 0))
    if not heaps or not room or not can_run(room.start) or any(at in room for at in heaps):
        return range(0)
    return room
