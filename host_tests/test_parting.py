"""What stands between the call and the jump cannot fail, is a RomBootError, or is passed over."""

from __future__ import annotations

import pytest

from host_tests.target import CLEAN, MANIFEST, how_it_arrives
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt, PromptError
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"

# A FAT file system on a block device that works until `broken` is set.
BLOCK_DEVICE = """
import os, romboot
class Device:
    broken = None
    def __init__(self): self.data = bytearray(50 * 512)
    def readblocks(self, n, buffer, offset=0):
        at = n * 512 + offset
        buffer[:] = self.data[at : at + len(buffer)]
    def writeblocks(self, n, buffer, offset=0):
        at = n * 512 + offset
        self.data[at : at + len(buffer)] = buffer
    def ioctl(self, op, arg):
        if op == 3 and self.broken: raise self.broken
        if op == 4: return 50
        if op == 5: return 512
device = Device()
os.VfsFat.mkfs(device)
os.mount(os.VfsFat(device), "/ram")
"""
OPTIONS = ["", "after_ms=50", "via='reset'"]


@pytest.fixture
def board() -> VirtualBoard:
    return VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("error", ["OSError(5)", "ValueError('no card')"])
def test_a_block_device_that_fails_is_told_at_the_call(
    board: VirtualBoard, error: str, options: str
) -> None:
    prompt = Prompt(board)
    prompt.run(BLOCK_DEVICE + f"device.broken = {error}")
    with pytest.raises(PromptError) as caught:
        prompt.run(f"romboot.enter_bootloader({options})")
    assert "SyncError: syncing the file systems raised " + error[:8] in str(caught.value)
    assert "force=True ignores this" in str(caught.value)
    assert board.run_to_rom(200) is None


@pytest.mark.parametrize("options", OPTIONS)
def test_force_goes_all_the_same_and_says_so(board: VirtualBoard, options: str) -> None:
    Prompt(board).start(
        BLOCK_DEVICE
        + f"device.broken = OSError(5); romboot.enter_bootloader({options}, force=True)".replace(
            "(, ", "("
        )
        + "\nwhile True: pass"
    )
    assert how_it_arrives(board) == CLEAN
    assert b"not synced" in board.wires["console"].host.read()


def test_one_that_fails_only_when_the_time_is_over_does_not_hold_it_up(
    board: VirtualBoard,
) -> None:
    Prompt(board).start(
        BLOCK_DEVICE + "romboot.enter_bootloader(after_ms=50); device.broken = OSError(5)"
        "\nwhile True: pass"
    )
    assert how_it_arrives(board) == CLEAN
    assert b"not synced" in board.wires["console"].host.read()


# As `mpremote mount` does. Its attributes lie where a FAT file system would have its device.
PYTHON_FILE_SYSTEM = """
import os, sys, romboot
class Remote:
    def mount(self, readonly, mkfs): pass
    def umount(self): pass
    def ilistdir(self, path): return iter(())
    def stat(self, path): raise OSError(2)
    def chdir(self, path): pass
    def getcwd(self): return ""
os.mount(Remote(), "/remote")
"""
# os.sync() of 1.20 to 1.22 ends in a HardFault there.
OLD = """
def crashes(): raise SystemExit("a HardFault")
class os_of_1_22: sync = crashes
class sys_of_1_22:
    class implementation: version = (1, 22, 2, "")
    platform = sys.platform
romboot.entry.chip.os = os_of_1_22
romboot.entry.chip.sys = sys_of_1_22
"""


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("old", ["", OLD])
def test_a_file_system_that_is_a_python_object(
    board: VirtualBoard, old: str, options: str
) -> None:
    prompt = Prompt(board)
    prompt.run("f = open('last', 'w'); f.write('x' * 3000); f.close()")
    prompt.start(
        PYTHON_FILE_SYSTEM + old + f"romboot.enter_bootloader({options})\nwhile True: pass"
    )
    assert how_it_arrives(board) == CLEAN
    board.press_reset()
    assert Prompt(board).run("print(open('last').read() == 'x' * 3000)") == "True\r\n"


IN_A_HANDLER = """
import machine, romboot
def handler(timer):
    timer.deinit()
    try: romboot.{call}
    except Exception as error:
        global said
        said = error
said = None
machine.Timer(2, freq=1000, callback=handler, hard=True)
while said is None: pass
print(isinstance(said, romboot.RomBootError), said)
"""


@pytest.mark.parametrize(
    "call",
    ["enter_bootloader()", "enter_bootloader(after_ms=5)", "enter_bootloader(via='x')", "plan()"],
)
def test_a_call_from_an_interrupt_handler_has_its_own_sentence(
    board: VirtualBoard, call: str
) -> None:
    said = Prompt(board).run(IN_A_HANDLER.format(call=call))
    assert said.startswith("True not from this interrupt handler")
    assert "go = romboot.plan().go" in said


@pytest.mark.parametrize("call", ["enter_bootloader()", "enter_bootloader(after_ms=5)", "plan()"])
def test_a_locked_heap_has_a_sentence(board: VirtualBoard, call: str) -> None:
    code = f"import micropython, romboot\nmicropython.heap_lock()\nromboot.{call}"
    with pytest.raises(PromptError, match="RomBootError: romboot needs 6 KB of free heap"):
        Prompt(board).run(code)


# Leaves so many bytes of the heap.
LEAVE_FREE = """
import gc, romboot
def leave_free(free):
    gc.collect()
    keep = [bytearray(gc.mem_free() - 2 * free - 4000)]
    while gc.mem_free() > free:
        keep.append(bytearray(48))
    return keep
def call(free):
    keep = leave_free(free)
    try: romboot.enter_bootloader()
    except romboot.RomBootError as error: print(error is romboot.NO_MEMORY, free)
"""


def test_a_heap_that_is_almost_full(board: VirtualBoard) -> None:
    """It goes or says what it needs, and 4 KB, as it says, are enough."""
    prompt = Prompt(board)
    prompt.run(LEAVE_FREE)
    for free in range(0, 4097, 256):
        prompt.start(f"call({free})")
        if arrival := board.run_to_rom(300):
            assert str(arrival) == CLEAN
            assert free >= 1024
            return
        assert prompt.finish() == f"True {free}\r\n"
    raise AssertionError("4 KB were not enough")


def test_a_heap_in_pieces(board: VirtualBoard) -> None:
    """None as long as the image."""
    prompt = Prompt(board)
    prompt.run("import gc, romboot")
    code = """
def call():
    pieces = []
    try:
        while True: pieces.append(bytearray(700))
    except MemoryError: pass
    for i in range(0, len(pieces), 2): pieces[i] = None
    gc.collect()
    free = gc.mem_free()
    try: romboot.enter_bootloader()
    except romboot.RomBootError as error: said = error
    pieces = None
    print(free, said)
call()
"""
    free, said = prompt.run(code).split(maxsplit=1)
    assert int(free) > 39_000
    assert said.startswith("romboot needs 6 KB of free heap")
