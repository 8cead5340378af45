"""The last steps of the way into the ROM, with everything gone that they must not need."""

from __future__ import annotations

from tools.bench.board import VirtualBoard

STACK = 16 * 1024  # of the main stack, at the end of SRAM, as in boards/
HANDLERS = 4 * 1024  # at the start of SRAM: vectors, and interrupt handlers that must be quick

CALLS = {
    "now": "romboot.enter_bootloader()",
    "later": "romboot.enter_bootloader(after_ms=5)",
    "from an interrupt": """
import machine
machine.Timer(2, freq=1000, callback=romboot.plan().go, hard=True)
while True: pass
""",
}


def main_stack(board: VirtualBoard) -> tuple[int, int]:
    """Its lowest and highest address."""
    sram = board.chip.region("SRAM")
    end = sram.base + sram.size
    return end - STACK, end - 1


def take_memory_away(board: VirtualBoard, *, heap: bool = False) -> list[int]:
    """From the first instruction that runs in the main stack, or there or in a heap in SRAM: no
    external memory, no internal flash, neither for fetches nor for reads.

    Returns: the address of that instruction, once it has come.
    """
    since: list[int] = []

    def take(address: int) -> None:
        unwatch()
        since.append(address)
        for external in board.soc.map.externals:
            external.there = False
            board.core.unmap(external.base, external.size)
        flash = board.soc.flash
        board.core.unmap(flash.base_address, flash.array.size)
        board.core.unmap(0, flash.array.size)  # where it is seen as well

    low, high = main_stack(board)
    if heap:
        low = board.chip.region("SRAM").base + HANDLERS
    unwatch = board.core.on_execute(low, high, take)
    return since
