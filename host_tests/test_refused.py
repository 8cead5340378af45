"""A refusal on a chip: the right exception, no write to any register, and all of them as before.

host_tests/lib/test_refusals.py has more reasons, on fake registers, and what their texts say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from host_tests.on_board import TO_PSP, UNPRIVILEGED
from host_tests.target import MANIFEST, manifest_without_assembler
from host_tests.witness import MARK, QUIET, Witness
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
END_OF_CCM = 0x10010000

ATTEMPT = f"""
import romboot
from machine import mem32
def attempt(call, **options):
    error = None
    mem32[{MARK}]
    try:
        call(**options)
    except romboot.RomBootError as e:
        error = e
    mem32[{MARK}]
    print(type(error).__name__)
"""


def blank_rom(board: VirtualBoard) -> None:
    board.soc.map.system.write(0, bytes(8))


def protected(board: VirtualBoard) -> None:
    board.soc.flash.put("OPTCR", 0x0FFFCCED)


def another_die(board: VirtualBoard) -> None:
    board.soc.blocks["DBGMCU"].put("IDCODE", 0x10000422)


def nothing(board: VirtualBoard) -> None:
    pass


@dataclass(frozen=True)
class Refusal:
    """error: what is raised; chip, code: how it comes to that; calls: options that do not help."""

    error: str
    chip: Callable[[VirtualBoard], None] = nothing
    code: str = ""
    calls: tuple[str, ...] = ("", "after_ms=100", "via='jump'", "via='reset'", "force=True")
    planless: bool = False


NO_HOOK = "state = mem32[mem32[0xE000ED08]]; mem32[state] = 1"
OTHER_PORT = "romboot.chip.sys = type('', (), {'platform': 'rp2'})"
STACK_IN_CCM = f"{TO_PSP}\nto_psp({END_OF_CCM}); assert control() & 3 == 2"
UNTIL_RESET = ("via='reset'", "via='reset', force=True", "via='reset', after_ms=100")

REFUSALS = {
    "blank ROM": Refusal("BadRomError", blank_rom),
    "RDP level 2": Refusal(
        "ProtectedError", protected, calls=("", "after_ms=100", "via='reset'", "via='jump'")
    ),
    "another die": Refusal("UnknownChipError", another_die, planless=True),
    "another port": Refusal("NotSTM32Error", code=OTHER_PORT, planless=True),
    "no room below the main stack": Refusal(
        "StackError", code=STACK_IN_CCM, calls=("", "after_ms=100", "via='jump'", "force=True")
    ),
    "no early-boot hook": Refusal("HookError", code=NO_HOOK, calls=UNTIL_RESET),
    "unprivileged": Refusal("PrivilegeError", code=UNPRIVILEGED, planless=True),
    "a bad delay": Refusal("ArgumentError", calls=("after_ms=-1", "after_ms='soon', force=True")),
    "a bad way": Refusal("ArgumentError", calls=("via='boot0'", "via=0, after_ms=100")),
}

LATE = ("RDP level 2", "no early-boot hook", "unprivileged")  # what is looked at last


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_nothing_is_written(refusal: Refusal) -> None:
    refuses(build(BOARD, frozen_manifest=MANIFEST), refusal)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in LATE else [pytest.mark.thorough])
        for name, refusal in REFUSALS.items()
        if "asm_thumb" not in refusal.code
    ],
)
def test_nothing_is_written_by_a_build_without_the_inline_assembler(
    name: str, tmp_path: Path
) -> None:
    """There it takes writes to registers to call machine code: not before it goes."""
    manifest = manifest_without_assembler(tmp_path)
    refuses(build(BOARD, "noasm", frozen_manifest=manifest), REFUSALS[name])


def refuses(firmware: Path, refusal: Refusal) -> None:
    board = VirtualBoard.load(BOARD, firmware=firmware)
    prompt = Prompt(board)
    refusal.chip(board)
    prompt.run(f"{ATTEMPT}\n{QUIET}\n{refusal.code}")
    witness = Witness(board)
    for call in refusal.calls:
        said = prompt.run(f"attempt(romboot.enter_bootloader, {call})").strip()
        check(witness, said, refusal.error, call)
    for via in (None, "jump", "reset"):
        if not (refusal.error == "HookError" and via == "reset"):
            said = prompt.run(f"attempt(lambda: repr(romboot.plan(via={via!r})))").strip()
            check(witness, said, refusal.error if refusal.planless else "NoneType", "plan()")
    if refusal.planless:
        check(witness, prompt.run("attempt(romboot.info)").strip(), refusal.error, "info()")
    assert board.core.faults == []


def check(witness: Witness, said: str, error: str, call: str) -> None:
    assert said == error, call
    assert witness.writes == [], call
    assert witness.changes == [], call


def test_nothing_is_written_if_the_room_has_gone_since_the_plan() -> None:
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(f"{ATTEMPT}\n{QUIET}\nplan = romboot.plan(); assert plan\n{STACK_IN_CCM}")
    witness = Witness(board)
    check(witness, prompt.run("attempt(plan.go)").strip(), "StackError", "plan.go()")
    assert board.core.faults == []


def test_a_witness_sees_what_is_written() -> None:
    """A write that changes nothing, and a change."""
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(f"{ATTEMPT}\n{QUIET}\ndef same(): mem32[0xE000E010] = 0")
    witness = Witness(board)
    prompt.run("attempt(same)")
    assert [str(write) for write in witness.writes] == ["0x0 to 0xE000E010 (SCS)"]
    assert witness.changes == []
    prompt.run("def other(): mem32[0x40013C00] = 1\nattempt(other)")
    assert [str(write) for write in witness.writes] == ["0x1 to 0x40013C00 (EXTI)"]
    assert witness.changes == ["EXTI.IMR"]
