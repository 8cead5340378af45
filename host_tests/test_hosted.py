"""A board that holds no library, beside one that has it: the same registers in the same order, and
the same sentences."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from host_tests.conftest import EVERY_BOARD
from host_tests.last_steps import take_memory_away
from host_tests.on_board import UNPRIVILEGED
from host_tests.target import CLEAN, TEST_BOARDS, how_it_arrives
from host_tests.test_parting import BLOCK_DEVICE
from tools import paths, tables
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt, PromptError
from tools.cli.errors import CliError, in_shell
from tools.cli.hosted import memory as memories
from tools.cli.hosted.calls import Hosted, RefusedError
from tools.cli.job import asked
from tools.cli.port.prompt import literal
from tools.cli.virtual import firmware
from tools.cli.virtual.virtual_prompt import VirtualPrompt
from tools.firmware import build
from tools.tables.family import M0PLUS, M4, M7

BOARD = "NUCLEO_F429ZI"
NUCLEO_LAST = sorted(EVERY_BOARD, key=lambda name: name.startswith("NUCLEO"))
FAMILIES = {firmware.family(name): name for name in NUCLEO_LAST} | {"f4": BOARD}
# What differs from core to core shows on one board with each: how the machine code is started. On
# the way through a reset, which is the same for all, that is Thumb or Thumb-2 and the D-cache.
CORES = {tables.family(f"stm32{f}").core: name for f, name in FAMILIES.items()} | {M4: BOARD}
OTHERS = [name for name in FAMILIES.values() if name not in CORES.values()]
WAYS = [
    *((name, "jump") for name in CORES.values()),
    *((CORES[core], "reset") for core in (M0PLUS, M4, M7)),
    *(
        pytest.param(name, "reset", marks=pytest.mark.thorough)
        for core, name in CORES.items()
        if core not in (M0PLUS, M4, M7)
    ),
    *(pytest.param(name, "jump", marks=pytest.mark.thorough) for name in OTHERS),
]
WAIT = 3  # kind of a step, see lib/romboot/facts.py

Write = tuple[int, int]


def without(name: str, variant: str = "standard", boards: Path = paths.BOARDS) -> VirtualPrompt:
    """At the prompt of a board that has no library."""
    image = build(name, variant, boards=boards)
    return VirtualPrompt(VirtualBoard.load(name, image, boards=boards))


def hosted(prompt: VirtualPrompt) -> Hosted:
    return Hosted(cast(Any, prompt))


def frozen(name: str) -> Prompt:
    """At the prompt of a board that has the library in its firmware."""
    prompt = Prompt(VirtualBoard.load(name, firmware.build(name, frozen=True)))
    prompt.run("import romboot")
    return prompt


def record(board: VirtualBoard) -> list[Write]:
    """Every write to a register from now on: address, value."""
    writes: list[Write] = []
    for block in (*board.soc.blocks.values(), board.core.scs):

        def watched(offset: int, size: int, value: int, block: Any = block) -> None:
            writes.append((block.base + offset, value))
            type(block).write(block, offset, size, value)

        vars(block)["write"] = watched
    return writes


def script(writes: list[Write], first: Write) -> list[Write]:
    """From the first write of the script on, the last time that it is done."""
    return writes[len(writes) - 1 - writes[::-1].index(first) :]


def before_it_goes(
    monkeypatch: pytest.MonkeyPatch, do: Callable[[memories.Buffers], object]
) -> None:
    """Do something when everything is decided, before what is needed is sent."""
    send = memories.Buffers.send

    def sending(buffers: memories.Buffers) -> None:
        do(buffers)
        send(buffers)

    monkeypatch.setattr(memories.Buffers, "send", sending)


@pytest.mark.parametrize(("name", "via"), WAYS)
def test_the_same_registers_in_the_same_order(name: str, via: str) -> None:
    prompt = without(name)
    board = hosted(prompt)
    steps = [step for step in board.plan(via=via).steps() if step[1]]
    by_host = record(prompt.board)
    board.enter(via=via)
    assert how_it_arrives(prompt.board) == CLEAN

    other = frozen(name)
    by_board = record(other.board)
    other.start(f"romboot.enter_bootloader(via={via!r})")
    assert how_it_arrives(other.board) == CLEAN

    _, address, value, _ = steps[0]
    written = script(by_host, (address, value))
    assert {a for kind, a, *_ in steps if kind != WAIT} <= {a for a, _ in written}
    assert written == script(by_board, (address, value))


def test_without_the_inline_assembler() -> None:
    prompt = without(BOARD, "noasm")
    hosted(prompt).enter()
    assert how_it_arrives(prompt.board) == CLEAN


@pytest.mark.parametrize("via", ["jump", "reset"])
@pytest.mark.parametrize("name", ["QSPI_F469", "NOR_F429"])
def test_it_needs_nothing_of_external_flash_on_its_way(
    name: str, via: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = without(name, boards=TEST_BOARDS)
    gone: list[list[int]] = []
    heap = via == "reset"
    before_it_goes(monkeypatch, lambda _: gone.append(take_memory_away(prompt.board, heap=heap)))
    hosted(prompt).enter(via=via)
    assert how_it_arrives(prompt.board) == CLEAN
    assert len(gone[0]) == 1 and prompt.board.core.faults == []


def test_a_watchdog_that_runs_takes_it_through_a_reset() -> None:
    prompt = without(BOARD)
    prompt.run("import machine; machine.WDT(timeout=20000)")
    board = hosted(prompt)
    assert board.plan().via == "reset"
    board.enter()
    assert how_it_arrives(prompt.board) == CLEAN


# --- what stands in the way --------------------------------------------------------------------


def nothing(board: VirtualBoard) -> None:
    pass


def blank_rom(board: VirtualBoard) -> None:
    board.soc.map.system.write(0, bytes(8))


def protected(board: VirtualBoard) -> None:
    board.soc.flash.put("OPTCR", 0x0FFFCCED)


def another_die(board: VirtualBoard) -> None:
    board.soc.blocks["DBGMCU"].put("IDCODE", 0x10000422)


NO_HOOK = "from machine import mem32; state = mem32[mem32[0xE000ED08]]; mem32[state] = 1"
BROKEN = BLOCK_DEVICE.replace(", romboot", "") + "device.broken = OSError(5)"


@pytest.mark.parametrize(
    ("chip", "code", "options"),
    [
        (blank_rom, "", {}),
        (protected, "", {"via": "reset"}),
        (another_die, "", {}),
        (nothing, NO_HOOK, {"via": "reset"}),
        (nothing, UNPRIVILEGED, {}),
        (nothing, BROKEN, {}),
        (nothing, "", {"via": "boot0"}),
    ],
)
def test_a_refusal_is_that_of_the_library(
    chip: Callable[[VirtualBoard], None], code: str, options: dict[str, Any]
) -> None:
    """The prompt is there after it."""
    prompt, other = without(BOARD), frozen(BOARD)
    for each in prompt, other:
        chip(each.board)
        each.run(f"pass\n{code}")
    words = ", ".join(f"{key}={value!r}" for key, value in options.items())
    with pytest.raises(PromptError) as there:
        other.run(f"romboot.enter_bootloader({words})")
    with pytest.raises(RefusedError) as here:
        hosted(prompt).enter(**options)
    assert in_shell(str(there.value).rstrip()).endswith(f"Error: {here.value}")
    assert prompt.run("print(6 * 7)") == "42\n"
    assert prompt.board.core.faults == []


@pytest.mark.parametrize("ask", [lambda p: hosted(p).enter(), lambda p: asked.ask(p, 0)])
def test_a_die_without_a_row_is_refused_by_its_name(ask: Callable[[Any], object]) -> None:
    prompt = without("NUCLEO_WB55")
    prompt.board.soc.blocks["DBGMCU"].put("IDCODE", 0x20010458)
    with pytest.raises(CliError, match="this is an STM32F410, which romboot does not enter"):
        ask(prompt)


FULL = """
full, left = [], bytearray(2500)
for size in (16384, 4096, 1024):
    try:
        while True: full.append(bytearray(size))
    except MemoryError: pass
del left
"""


def test_a_heap_without_room() -> None:
    prompt = without(BOARD)
    board = hosted(prompt)
    prompt.run(FULL)
    with pytest.raises(CliError, match="the heap of this board has no room"):
        board.enter()
    assert prompt.run("print(6 * 7)") == "42\n"


def test_no_room_below_the_stack_is_seen_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The helper looks once more, with the stack as it is then: here SRAM ends below it."""
    prompt = without(BOARD)
    board = hosted(prompt)

    def spoil(buffers: memories.Buffers) -> None:
        image = max((b for _, b in buffers._buffers), key=len)
        struct.pack_into("<I", image, 8, 0x20010000)

    before_it_goes(monkeypatch, spoil)
    with pytest.raises(RefusedError, match="MSP is 0x2002FFF8: the last steps need"):
        board.enter()
    assert prompt.run("print(6 * 7)") == "42\n"
    assert prompt.board.arrival is None


# --- what goes over the wire -------------------------------------------------------------------


def test_a_literal() -> None:
    """No control character is in it, which a prompt would take for a command."""
    prompt = without(BOARD)
    for data in (bytes(range(256)), b"\x007", b"'\\\n\r", b"\x7f\xff"):
        text = literal(data)
        assert min(text) >= 0x20 and 0x7F not in text
        assert bytes.fromhex(prompt.run(b"print(" + text + b".hex())")) == data


def test_what_runs_on_the_board_needs_nothing_else_of_the_library() -> None:
    source = hosted(without(BOARD))._library.source("reset", "_has_code")
    assert "import struct" in source and "_HOOK = b" in source
    assert "_STRIDE" not in source and "disable_irq" not in source
