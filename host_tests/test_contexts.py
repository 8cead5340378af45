"""From wherever it is called, and by every way: the ROM starts in thread mode, nothing active."""

from __future__ import annotations

import pytest

from host_tests.target import ENTER, MANIFEST, VirtualTarget
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.cli import mpremote
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
LONGEST_MS = 3000  # virtual

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
    "a watchdog runs": """
import machine, romboot, time
machine.WDT(timeout=10000)
time.sleep_ms(5)
p = romboot.plan()
assert p.via == 'reset', p.via
romboot.enter_bootloader()
""",
}


@pytest.mark.parametrize("context", CONTEXTS)
def test_from(context: str) -> None:
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.start(CONTEXTS[context])
    for _ in range(LONGEST_MS):
        if board.arrival:
            break
        board.run_ms(1)
    assert str(board.arrival) == "the ROM found the chip as a reset would have left it", (
        board.wires["console"].host.read()
    )
    assert not board.soc.iwdg.running


def test_a_file_written_right_before_is_whole() -> None:
    image = build(BOARD, frozen_manifest=MANIFEST)
    with VirtualTarget.boot(BOARD, image) as target:
        code = "f = open('last.txt', 'w'); f.write('x' * 5000); f.close(); "
        target.ok("exec", code + ENTER)
        with target.loader() as loader:
            loader.go(0x08000000)
        assert target.ok("exec", "print(len(open('last.txt').read()))") == "5000\n"


def test_a_build_without_the_inline_assembler() -> None:
    """The same machine code, as bytes, entered as the handler of the NMI."""
    with VirtualTarget.boot(BOARD, build(BOARD, "noasm")) as target:
        target.ok("mount", str(mpremote.compiled()), "exec", ENTER)
        assert str(target.arrival()) == "the ROM found the chip as a reset would have left it"
        assert target.identify() == 0x419
