"""What only a reset clears, on the virtual boards: each is seen, and left by a reset."""

from __future__ import annotations

import pytest

from host_tests.target import CLEAN, MANIFEST, how_it_arrives
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build

H743, L073 = "NUCLEO_H743ZI", "NUCLEO_L073RZ"
G0B1, G474 = "NUCLEO_G0B1RE", "NUCLEO_G474RE"
H747, H563, WB55 = "ARDUINO_GIGA", "NUCLEO_H563ZI", "NUCLEO_WB55"
# Code that sets it, and a word of what plan() says.
STATES = {
    "WWDG1 runs": (
        H743,
        """
mem32[0x580244E4] |= 0x40       # RCC_APB3ENR.WWDG1EN
mem32[0x50003004] = 0x387F      # WWDG_CFR: the longest period, 524 ms at 64 MHz
mem32[0x50003000] = 0xFF        # WWDG_CR: WDGA, T
""",
        "WWDG1EN",
    ),
    "WWDG1 has its clock": (H743, "mem32[0x580244E4] |= 0x40", "WWDG1EN"),
    "clock security": (H743, "mem32[0x58024400] |= 1 << 19", "CSSHSEON"),
    "scope of WWDG1": (H743, "mem32[0x580244A0] = 1", "WW1RSC"),
    "the Cortex-M4 was started": (H747, "mem32[0x580244A0] = 8", "BOOT_C2"),
    "WWDG2 has its clock": (H747, "mem32[0x580244E8] |= 0x800", "WWDG2EN"),
    "IWDG1 runs": (H743, "import machine; machine.WDT(timeout=10000)", "a watchdog"),
    "clock of the firewall": (L073, "mem32[0x40021034] |= 0x80", "FWEN"),
    "WWDG of an STM32G0": (G0B1, "mem32[0x4002103C] |= 0x800", "WWDGEN"),
    "securable memory": (
        G0B1,
        """
for key in (0x45670123, 0xCDEF89AB):
    mem32[0x40022008] = key     # FLASH_KEYR
mem32[0x40022014] = 1 << 28     # FLASH_CR.SEC_PROT
""",
        "SEC_PROT",
    ),
    "half a double word": (
        G0B1,
        """
for key in (0x45670123, 0xCDEF89AB):
    mem32[0x40022008] = key     # FLASH_KEYR
mem32[0x40022014] = 1           # FLASH_CR.PG
mem32[0x0807F800] = 0
""",
        "CFGBSY",
    ),
    "clock security of an STM32G4": (G474, "mem32[0x40021000] |= 1 << 19", "CSSON"),
    "WWDG of an STM32H5": (H563, "mem32[0x44020C9C] |= 0x800", "WWDGEN"),
    "half a quad-word": (
        H563,
        """
for key in (0x45670123, 0xCDEF89AB):
    mem32[0x40022004] = key     # FLASH_NSKEYR
mem32[0x40022028] = 2           # FLASH_NSCR.PG
mem32[0x081FE000] = 0
""",
        "WBNE",
    ),
    "IWDG of an STM32H5": (
        H563,
        "import machine; machine.WDT(timeout=10000)",
        "a watchdog",
    ),
    "the second core of an STM32WB": (WB55, "mem32[0x5800040C] |= 1 << 15", "PWR_CR4.C2BOOT"),
    "IWDG runs": (L073, "import machine; machine.WDT(timeout=10000)", "a watchdog"),
}


def at_prompt(name: str) -> tuple[VirtualBoard, Prompt]:
    board = VirtualBoard.load(name, firmware=build(name, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run("from machine import mem32; import gc, romboot; gc.collect()")
    return board, prompt


@pytest.mark.parametrize("state", STATES)
def test_it_is_left_by_a_reset(state: str) -> None:
    """A plan says why, before."""
    name, code, word = STATES[state]
    board, prompt = at_prompt(name)
    if state != "WWDG1 runs":  # which would end the talk
        prompt.run(code)
        said = prompt.run("p = romboot.plan(); print(p.via, p.why, len(p.reasons))")
        assert said.startswith("reset it ") and word in said and said.endswith(" 0\r\n")
        code = "del p; gc.collect()"
    prompt.start(f"{code}\nromboot.enter_bootloader()")
    assert how_it_arrives(board) == CLEAN
    assert board.core.violations == []


def test_a_jump_as_asked_leaves_it() -> None:
    """The bench would say so, and so does plan()."""
    board, prompt = at_prompt(H743)
    prompt.run(STATES["clock security"][1])
    said = prompt.run("print(romboot.plan(via='jump'))")
    assert "by jump: the caller chose it; this stays" in said and "CSSHSEON" in said
    prompt.start("romboot.enter_bootloader(via='jump')")
    assert "RCC.CR" in how_it_arrives(board)


@pytest.mark.parametrize(
    ("option", "mask", "value", "words"),
    [
        ("OPTSR_CUR", 0xFF00, 0x7200, "neither Open nor Provisioning"),  # Closed
        ("OPTSR2_CUR", 0xFF000000, 0xB4000000, "TrustZone is on"),
    ],
)
def test_what_no_reset_clears_on_an_stm32h5(
    option: str, mask: int, value: int, words: str
) -> None:
    board, prompt = at_prompt(H563)
    board.soc.flash.store_options(option, mask, value)
    board.soc.reset("PIN")
    prompt = Prompt(board)
    prompt.run("import romboot")
    said = prompt.run("for r in romboot.plan().reasons: print(type(r).__name__, r)")
    assert said.startswith("LastingError") and words in said
    assert "force=True" in said
