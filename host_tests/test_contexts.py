"""From wherever it is called, and by every way: the ROM starts in thread mode, nothing active."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.conftest import first_of_each
from host_tests.on_board import TO_PSP
from host_tests.target import (
    CLEAN,
    ENTER,
    MANIFEST,
    VirtualTarget,
    how_it_arrives,
    manifest_without_assembler,
)
from tools.bench import boardfile, chip
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.cli.device import library
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"

CONTEXTS = {
    "hard timer interrupt": """
import machine, romboot
go = romboot.plan().go
machine.Timer(2, freq=1000, callback=go, hard=True)
while True: pass
""",
    "a timer interrupt above another": """
import machine, romboot
go = romboot.plan().go
def low(_):
    while True: pass
high = machine.Timer(5, freq=20, callback=go, hard=True)
machine.Timer(2, freq=1000, callback=low, hard=True)
while True: pass
""",
    "soft timer": """
import machine, romboot
machine.Timer(-1, mode=machine.Timer.ONE_SHOT, period=5, callback=romboot.plan().go)
while True: pass
""",
    "scheduled": """
import micropython, romboot
micropython.schedule(romboot.plan().go, None)
while True: pass
""",
    "interrupts disabled": """
import machine, romboot
go = romboot.plan().go
machine.disable_irq()
go()
""",
    "after_ms": "import romboot; romboot.enter_bootloader(after_ms=20)",
    "via reset": "import romboot; romboot.enter_bootloader(via='reset')",
    "via reset, later": "import romboot; romboot.enter_bootloader(via='reset', after_ms=20)",
    "hard timer interrupt, via reset": """
import machine, romboot
machine.Timer(2, freq=1000, callback=romboot.plan(via='reset').go, hard=True)
while True: pass
""",
    "interrupts disabled, via reset": """
import machine, romboot
go = romboot.plan(via='reset').go
machine.disable_irq()
go()
""",
    "a watchdog runs, and LSI for the RTC as well": """
import machine, romboot, time
machine.mem32[0x40023874] |= 1  # RCC_CSR LSION
machine.WDT(timeout=10000)
time.sleep_ms(5)
assert romboot.plan().via == 'reset'
romboot.enter_bootloader()
""",
    "a watchdog runs": """
import machine, romboot, time
machine.WDT(timeout=10000)
time.sleep_ms(5)
p = romboot.plan()
assert p.via == 'reset', p.via
romboot.enter_bootloader()
""",
}


END_OF_CCM = 0x10010000
PSP = f"""
{TO_PSP}
to_psp(sp_now() - 6144)  # MicroPython wants both within what it takes for its stack
assert control() & 3 == 2
import romboot
"""
ON_PSP = {
    "thread mode on PSP": f"{PSP}romboot.enter_bootloader()",
    "thread mode on PSP, later": f"{PSP}romboot.enter_bootloader(after_ms=20)\nwhile True: pass",
    "thread mode on PSP, via reset": f"{PSP}romboot.enter_bootloader(via='reset')",
    "a main stack in CCM, where there is no room, via reset": f"""
{TO_PSP}
to_psp({END_OF_CCM})
import romboot
assert [type(r).__name__ for r in romboot.plan().reasons] == ['StackError']
romboot.enter_bootloader(via='reset')
""",
    "an interrupt of thread mode on PSP": f"""
{PSP}
import machine
machine.Timer(2, freq=1000, callback=romboot.plan().go, hard=True)
while True: pass
""",
}

# Threads of the stm32 port take turns on the main stack pointer; each stack is on the heap.
THREAD = """
import _thread, romboot, time
main = _thread.get_ident()
def call(**options):
    assert _thread.get_ident() != main
    {}
_thread.start_new_thread(call, (), {})
while True: pass
"""
THREADS = {
    "a thread": THREAD.format("romboot.enter_bootloader()", {}),
    "a thread, later": THREAD.format("romboot.enter_bootloader(**options)", {"after_ms": 20}),
    "a thread, via reset": THREAD.format("romboot.enter_bootloader(**options)", {"via": "reset"}),
    "the main thread, others run": """
import _thread, romboot
def spin():
    while True: pass
for _ in range(3): _thread.start_new_thread(spin, ())
romboot.enter_bootloader()
""",
}


@pytest.mark.parametrize("context", [*CONTEXTS, *ON_PSP])
def test_from(context: str) -> None:
    arrives(build(BOARD, frozen_manifest=MANIFEST), {**CONTEXTS, **ON_PSP}[context])


@pytest.mark.parametrize(
    "context", first_of_each(CONTEXTS, lambda name: "reset" in name or "watchdog" in name)
)
def test_from_a_build_without_the_inline_assembler(context: str, tmp_path: Path) -> None:
    manifest = manifest_without_assembler(tmp_path)
    arrives(build(BOARD, "noasm", frozen_manifest=manifest), CONTEXTS[context])


@pytest.mark.parametrize("context", THREADS)
def test_from_a_build_with_threads(context: str) -> None:
    arrives(build(BOARD, "threads", frozen_manifest=MANIFEST), THREADS[context])


def arrives(firmware: Path, code: str) -> None:
    board = VirtualBoard.load(BOARD, firmware=firmware)
    Prompt(board).start(code)
    assert how_it_arrives(board) == CLEAN
    assert not board.soc.iwdg.running


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("NUCLEO_L432KC", "standard"),
        pytest.param(BOARD, "noasm", marks=pytest.mark.thorough),
        pytest.param("NUCLEO_WL55", "standard", marks=pytest.mark.thorough),
    ],
)
def test_from_files_on_a_build_without_the_inline_assembler(name: str, variant: str) -> None:
    """The same machine code, as bytes of which a function is made; also in a small heap, of which
    the program has some."""
    with VirtualTarget.boot(name, build(name, variant)) as target:
        code = f"ballast = bytearray(8192)\n{ENTER}"
        target.ok("mount", str(library.compiled()), "exec", code)
        assert str(target.arrival()) == CLEAN
        assert target.identify() == chip.load(boardfile.load(name).chip).dev_id


def test_a_plan_whose_table_has_no_room() -> None:
    """The verdict is there all the same."""
    name = "NUCLEO_L073RZ"
    board = VirtualBoard.load(name, build(name, frozen_manifest=MANIFEST))
    said = Prompt(board).run("import romboot; print(romboot.plan())")
    assert "The way is free: STM32L071/072/073/081/082/083" in said
    assert "(the table needs " in said
