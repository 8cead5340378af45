"""after_ms, and go() of a plan: they go whatever happens between the call and the jump."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.target import CLEAN, MANIFEST, how_it_arrives, manifest_without_assembler
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"

FILL_THE_HEAP = """
keep = None
size = 65536
while size:
    try:
        while True: keep = (keep, bytearray(size))
    except MemoryError: size //= 2
try:
    while True: keep = [keep]
except MemoryError: pass
"""
# The state, and how to know that it was there.
STATES = {
    "nothing in particular": "pass",
    "heap full": FILL_THE_HEAP,
    "heap locked": "import micropython; micropython.heap_lock()",
    "heap in pieces": """
pieces = []
try:
    while True: pieces.append(bytearray(240))
except MemoryError: pass
for i in range(0, len(pieces), 2): pieces[i] = None
""",
    "garbage collected": "import gc; x = [bytearray(16) for _ in range(999)]; gc.collect()",
}
ALL_STATES = STATES | {  # those of the F4 too
    "heap full and every USB clock on": "import machine; machine.mem32[0x40023830] |= 0x60000000; "
    "machine.mem32[0x40023834] |= 0x80\n" + FILL_THE_HEAP,
}
ARM = {
    "after_ms": "import romboot; romboot.enter_bootloader(after_ms=400{})",
    "go of a plan, scheduled": """
import romboot
import machine
machine.Timer(-1, mode=machine.Timer.ONE_SHOT, period=400, callback=romboot.plan({}).go)
""",
}


# One of them by reset in each state: what differs comes when the call is over.
SCHEDULED_RESET = pytest.param("go of a plan, scheduled", "reset", marks=pytest.mark.thorough)
WAYS = [*((call, "jump") for call in ARM), ("after_ms", "reset"), SCHEDULED_RESET]


@pytest.mark.parametrize("state", ALL_STATES)
@pytest.mark.parametrize(("call", "via"), WAYS)
def test_it_goes_whatever_the_heap_is(call: str, via: str, state: str) -> None:
    comma = ", " if call == "after_ms" else ""
    code = ARM[call].format(f"{comma}via={via!r}") + "\n" + ALL_STATES[state]
    arrives(build(BOARD, frozen_manifest=MANIFEST), code)


@pytest.mark.thorough
@pytest.mark.parametrize("state", ALL_STATES)
def test_on_a_build_without_the_inline_assembler(state: str, tmp_path: Path) -> None:
    firmware = build(BOARD, "noasm", frozen_manifest=manifest_without_assembler(tmp_path))
    arrives(firmware, ARM["after_ms"].format("") + "\n" + ALL_STATES[state])


# A callback of the scheduler that takes longer than the delay: the queue is full all that time.
QUEUE_FULL = """
import micropython, romboot, time
def nothing(_): pass
def hold_up(_):
    try:
        while True: micropython.schedule(nothing, None)
    except RuntimeError: pass
    time.sleep_ms({hold})
    print("held up")
romboot.enter_bootloader(after_ms={delay})
micropython.schedule(hold_up, None)
"""


@pytest.mark.parametrize(("delay", "hold"), [(50, 120), (1, 30), (1500, 1600)])
def test_it_goes_although_the_queue_of_the_scheduler_was_full(delay: int, hold: int) -> None:
    """Within a second: MicroPython drops the callback of a timer if there is no room for it."""
    board = frozen()
    start_and_wait(board, QUEUE_FULL.format(delay=delay, hold=hold))
    board.run_ms(hold + 5)
    assert b"held up" in board.wires["console"].host.read()
    assert how_it_arrives(board, 1100) == CLEAN


@pytest.mark.parametrize("delay", [0, 30, 999, 1001, 2500])
def test_it_goes_at_that_time(delay: int) -> None:
    board = frozen()
    start = start_and_wait(board, f"import romboot; romboot.enter_bootloader(after_ms={delay})")
    assert how_it_arrives(board) == CLEAN
    assert delay <= (board.clock.now - start) / 1e6 <= delay + 60


CANCELLED = {
    "cancel()": "romboot.cancel()",
    "cancel() twice": "romboot.cancel(); romboot.cancel()",
    "cancel() of the second": "romboot.enter_bootloader(after_ms=90); romboot.cancel()",
    "cancel() when it was due, its callback waiting": """
import micropython, time
def hold(_):
    time.sleep_ms(150)
    romboot.cancel()
micropython.schedule(hold, None)
""",
}


@pytest.mark.parametrize("how", CANCELLED)
def test_it_can_be_called_off(how: str) -> None:
    board = frozen()
    prompt = Prompt(board)
    prompt.run("import romboot; romboot.enter_bootloader(after_ms=100)\n" + CANCELLED[how])
    assert board.run_to_rom(1300) is None
    assert prompt.run("romboot.cancel(); print(romboot.entry.chip._timer)") == "None\r\n"


def test_a_soft_reset_calls_it_off() -> None:
    """As the docstring says."""
    board = frozen()
    prompt = Prompt(board)
    prompt.run("import romboot; romboot.enter_bootloader(after_ms=100)")
    prompt.wire.host.send(b"\x02\x04")
    assert board.run_to_rom(1300) is None


@pytest.mark.parametrize(("first", "second"), [(600, 100), (100, 600)])
def test_a_second_call_takes_the_place_of_the_first(first: int, second: int) -> None:
    board = frozen()
    prompt = Prompt(board)
    prompt.run("import romboot")
    start = board.clock.now
    for delay in first, second:
        prompt.run(f"romboot.enter_bootloader(after_ms={delay})")
    assert how_it_arrives(board) == CLEAN
    assert second <= (board.clock.now - start) / 1e6 <= second + 60


def frozen() -> VirtualBoard:
    return VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))


def arrives(firmware: Path, code: str) -> None:
    board = VirtualBoard.load(BOARD, firmware=firmware)
    start_and_wait(board, code)
    assert how_it_arrives(board) == CLEAN


def start_and_wait(board: VirtualBoard, code: str) -> int:
    """Start code that has no end: it sleeps, which costs this machine nothing. When it began."""
    prompt = Prompt(board)
    now = board.clock.now
    prompt.start(f"from machine import idle\n{code}\nwhile True: idle()")
    return now
