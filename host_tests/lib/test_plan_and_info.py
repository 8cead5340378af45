"""plan() and info(): what they tell is what is there and what would happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import FLASH_SIZE, OPTCR, ROM_START, UNIQUE_ID, VECTORS
from host_tests.tables import library
from tools.tables import FAMILIES

RCC_CR = 0x40023800
RCC_CSR = 0x40023874
IWDG_PR, IWDG_RLR = 0x40003004, 0x40003008
each_die = pytest.mark.parametrize("die", library.DIES, ids=str)


@each_die
def test_a_plan_lists_every_step_in_order(die: library.Die, make: Callable[..., Board]) -> None:
    board = make(dev_id=die.dev_id)
    plan = board.romboot.plan()
    lines = repr(plan).splitlines()[1:]
    steps = list(plan.steps())
    assert len(lines) == len(steps) + 1
    for line, (kind, address, value, rest) in zip(lines, steps, strict=False):
        if address:
            assert line.startswith(f"0x{address:08X} ")
            before = board.registers.peek(address)
            outcome = before & ~value | rest[0] if kind == board.facts._CHANGE else value
            assert f"{outcome:08X}" in line.partition("->")[2]
        else:
            assert f"0x{VECTORS:08X}" in line
    assert plan
    assert die.name in lines[-1]
    assert "free" in lines[-1]
    assert board.fake.written == []


def test_a_line_says_what_is_there_now_and_what_will_be(board: Board) -> None:
    board.registers.poke(RCC_CR, 0x8F035F83)
    board.registers.poke(0xE000E010, 7)
    lines = repr(board.romboot.plan()).splitlines()
    cr = [line.split(maxsplit=4) for line in lines if line.startswith("0x40023800")]
    assert cr[0] == ["0x40023800", "RCC.CR", "8F035F83", "->", "8F035F83"]  # HSION is on
    assert cr[1][4] == "wait until & 00000002 = 00000002"
    assert cr[2] == ["0x40023800", "RCC.CR", "8F035F83", "->", "00000083"]
    systick = next(line for line in lines if line.startswith("0xE000E010"))
    assert systick.split(maxsplit=4)[1:] == ["SYST.CTRL", "00000007", "->", "00000000 x 3 words"]


def test_a_change_shows_the_outcome(board: Board) -> None:
    """OPTCR: its bits stay, the lock is added."""
    board.registers.poke(OPTCR, 0x8FFFAAEC)
    (line,) = (x for x in repr(board.romboot.plan()).splitlines() if x.startswith("0x40023C14"))
    assert line.split() == ["0x40023C14", "FLASH.OPTCR", "8FFFAAEC", "->", "8FFFAAED"]


@pytest.mark.parametrize(
    ("address", "value", "words"),
    [
        (OPTCR, 0x0FFF55ED, ["level 1", "erases"]),
        (OPTCR, 0x8FFF55ED, ["level 1"]),
        (RCC_CSR, 0x0E000002, ["IWDG", "refreshes"]),
    ],
)
def test_a_plan_warns(address: int, value: int, words: list[str], board: Board) -> None:
    board.registers.poke(address, value)
    plan = board.romboot.plan()
    assert plan, "it is a warning, no reason"
    last = repr(plan).splitlines()[-1]
    assert all(word in last for word in words)


@pytest.mark.parametrize("csr", [0, 1, 3])
def test_no_warning_of_a_watchdog_that_does_not_run(csr: int, board: Board) -> None:
    """LSI runs because it was switched on (3), or not at all."""
    board.registers.poke(RCC_CSR, csr)
    board.registers.poke(IWDG_RLR, 0xFFF)
    assert "watchdog" not in repr(board.romboot.plan())


@pytest.mark.parametrize(("prescaler", "reload"), [(4, 0xFFF), (0, 0xFFE), (6, 0x7FF)])
def test_a_warning_though_lsi_was_switched_on(prescaler: int, reload: int, board: Board) -> None:
    """As for the RTC of a board without a crystal for it: then the set-up tells."""
    board.registers.poke(RCC_CSR, 3)
    board.registers.poke(IWDG_PR, prescaler)
    board.registers.poke(IWDG_RLR, reload)
    assert "the IWDG runs" in repr(board.romboot.plan())


def chip_with_facts(board: Board) -> None:
    board.registers.poke(FLASH_SIZE, 2048, 2)
    for number in range(12):
        board.registers.poke(UNIQUE_ID + number, 0xA0 + number, 1)
    board.registers.poke(0x1FFF76DE, 0x91, 1)


def test_info_has_what_the_chip_says(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    chip_with_facts(board)
    info = board.romboot.info()
    assert (info.dev_id, info.rev_id, info.flash_kib) == (0x419, 0x2003, 2048)
    assert info.uid == bytes(range(0xA0, 0xAC))
    assert (info.rom, info.id, info.rdp) == (VECTORS, 0x91, 0)
    printed = capsys.readouterr().out
    assert printed == info.table() + "\n"
    for words in (
        "STM32F427/429/437/439, DEV_ID 0x419, REV_ID 0x2003",
        "2048 KiB",
        "a0a1a2a3a4a5a6a7a8a9aaab",
        f"0x1FFF0000, starts at 0x{VECTORS + ROM_START:08X}",
        "0x91, version 9.1",
        "level 0",
        "USART3 PB10/PB11 or PC10/PC11",
        "USB DFU PA11/PA12",
    ):
        assert words in printed
    assert board.fake.written == []


@pytest.mark.parametrize(
    ("rdp", "level"), [(0xAA, 0), (0xAB, 1), (0x55, 1), (0x00, 1), (0xFF, 1), (0xCD, 1), (0xCC, 2)]
)
def test_protection_level(rdp: int, level: int, board: Board) -> None:
    board.registers.poke(OPTCR, 0x0FFF0000 | rdp << 8)
    info = board.romboot.info()
    assert info.rdp == level
    assert f"level {level}" in info.table()


def test_pcrop_is_told_and_does_not_hinder(board: Board) -> None:
    """RM0090 3.9.11: SPRMOD."""
    assert "PCROP" not in board.romboot.info().table() + repr(board.romboot.plan())
    board.registers.poke(OPTCR, 0x8FFFAAED)
    assert "protection  level 0" in board.romboot.info().table()
    assert "PCROP" in board.romboot.info().table()
    plan = board.romboot.plan()
    assert "PCROP" in repr(plan)
    assert plan


KINDS = {
    **{1: "USART", 2: "USART", 3: "USART, CAN, DFU", 4: "USART, DFU", 5: "USART, I2C", 6: "I2C"},
    **{8: "I2C, SPI", 10: "USART, DFU, I2C", 11: "USART, I2C, SPI", 12: "USART, SPI"},
    **{13: "USART, DFU, I2C, SPI", 14: "USART, CAN, DFU, I2C, SPI, I3C"},
    15: "USART, DFU, I2C, I3C",
}


@pytest.mark.parametrize("number", KINDS)
def test_of_an_unknown_rom_the_kinds_are_told(number: int, board: Board) -> None:
    """AN2606 4.2: the first digit is the interfaces. 7 and 9 an F429 has."""
    board.registers.poke(0x1FFF76DE, number << 4 | 3, 1)
    lines = board.romboot.info().table().splitlines()
    at = next(i for i, line in enumerate(lines) if f"0x{number:X}3, version {number}.3" in line)
    assert f"; {KINDS[number]} by its first digit, pins unknown" in lines[at + 1]


def test_repr_of_info(board: Board) -> None:
    chip_with_facts(board)
    assert repr(board.romboot.info()) == "<STM32F427/429/437/439, ROM 0x1FFF0000, ID 0x91>"


@pytest.mark.parametrize("function", ["plan", "info"])
def test_it_can_be_asked_again(function: str, board: Board) -> None:
    """An import of romboot.plan inside plan() must not put the module in the function's place."""
    first = getattr(board.romboot, function)()
    assert repr(getattr(board.romboot, function)()) == repr(first)


OPTCR1 = 0x40023C18
G0_OPTR = L4_OPTR = 0x40022020
BANK_2_RUNS = 0x40013800  # SYSCFG_MEMRMP


def told(board: Board) -> tuple[list[str], list[str]]:
    """The warnings of info() and of plan(), which writes nothing."""
    info = [line for line in board.romboot.info().table().splitlines() if "WARNING" in line]
    plan = board.romboot.plan(force=True)
    verdict = [line for line in repr(plan).splitlines() if line.startswith("WARNING")]
    # Some want a clock for the look at DBGMCU, each family with this core its own.
    mine = [each for each in FAMILIES if each.core is board.fake.family.core]
    allowed = [each.idcode_clock.register.address for each in mine if each.idcode_clock]
    assert [write for write in board.fake.written if write[0] not in allowed] == []
    return info, verdict


def test_nothing_is_warned_of_as_delivered(board: Board) -> None:
    assert told(board) == ([], [])


@pytest.mark.parametrize(
    ("dev_id", "registers", "words"),
    [
        (0x413, {OPTCR: 0x0FFEAAED}, "sectors 0-0 (0x08000000-0x08003FFF)"),
        (0x413, {OPTCR: 0x0F00AAED}, "sectors 0-7 (0x08000000-0x0807FFFF)"),
        (
            0x413,
            {OPTCR: 0x07CFAAED},
            "sectors 4-5 (0x08010000-0x0803FFFF), 11-11 (0x080E0000-0x080FFFFF)",
        ),
        (0x419, {OPTCR1: 0x07FF0000}, "sectors 23-23 (0x081E0000-0x081FFFFF)"),
        (
            0x419,
            {OPTCR: 0x07FFAAED, OPTCR1: 0x0FFE0000},
            "sectors 11-12 (0x080E0000-0x08103FFF)",
        ),
        (0x431, {OPTCR: 0x007FAAED}, "sectors 7-7 (0x08060000-0x0807FFFF)"),
        (0x423, {OPTCR: 0x003FAAED}, ""),  # 256 KiB: 6 sectors; of further bits nobody knows
        (0x463, {OPTCR: 0x3FFFAAED}, "sectors 14-14 (0x08140000-0x0817FFFF)"),  # and 15
        (0x447, {0x40022020: 0x80000001}, "sectors 0-0 (0x08000000-0x08000FFF), 31-31 (0x0801F0"),
        (
            0x447,
            {0x40022020: 0x80000000, 0x40022080: 1},
            "sectors 31-32 (0x0801F000-0x08020FFF)",
        ),
        (0x450, {0x52002038: 0xFFFFFF7F}, "sectors 7-7 (0x080E0000-0x080FFFFF)"),
        (0x450, {0x52002138: 0xFFFFFF3F}, "sectors 14-15 (0x081C0000-0x081FFFFF)"),
        (0x483, {0x52002138: 0}, ""),  # it has one bank
        (0x467, {0x4002202C: 0x00030002}, "pages 0x08001000-0x08001FFF;"),
        (
            0x467,
            {0x1FFF75E0: 512, 0x40022030: 0x007F007F, 0x4002204C: 0x00000000},
            "pages 0x0803F800-0x0803FFFF, 0x08040000-0x080407FF;",
        ),
        (0x466, {0x4002204C: 0x00000000}, ""),  # it has one bank
        (0x468, {0x4002204C: 0x00000000}, ""),
        (0x469, {0x40022030: 0x00000000}, "pages 0x08000000-0x080007FF;"),
        (0x469, {L4_OPTR: 0xFFAFF8AA, 0x40022050: 0x00030002}, "pages 0x08002000-0x08003FFF;"),
        (0x470, {0x40022030: 0x00010001}, "pages 0x08001000-0x08001FFF;"),
        (0x470, {0x1FFF75E0: 2048, 0x4002204C: 0x00000000}, "pages 0x08100000-0x08100FFF;"),
        (0x470, {L4_OPTR: 0xFFAFF8AA, 0x4002204C: 0x00FF0001}, "pages 0x08002000-0x081FFFFF;"),
        (0x415, {L4_OPTR: 0xFFAFF8AA, 0x40022030: 0x00010001}, "pages 0x08000800-0x08000FFF;"),
        (
            0x480,
            {0x52002138: 0xFFFFFFFE},
            "groups of four sectors 32-32 (0x08100000-0x08107FFF)",
        ),
    ],
)
def test_write_protected_sectors_are_told_with_their_addresses(
    dev_id: int, registers: dict[int, int], words: str, make: Callable[..., Board]
) -> None:
    """Sectors: RM0090 3.4, RM0430 3.3, RM0367 3.3.1, RM0433 4.3.4."""
    board = make(dev_id=dev_id)
    board.registers.poke(FLASH_SIZE, 2048, 2)
    for address, value in registers.items():
        board.registers.poke(address, value)
    info, plan = told(board)
    if words:
        assert len(info) == len(plan) == 1
        assert words in info[0]
        assert words in plan[0]
        assert "write-protected" in info[0]
        assert "silently drops writes" in info[0]
    else:
        assert (info, plan) == ([], [])


def test_the_second_bank_of_a_megabyte_is_in_its_middle(board: Board) -> None:
    """RM0090 3.4, DB1M."""
    board.registers.poke(FLASH_SIZE, 1024, 2)
    board.registers.poke(OPTCR1, 0x0FFE0000)
    assert "12-12 (0x08080000-0x08083FFF)" in told(board)[0][0]


@pytest.mark.parametrize(
    ("dev_id", "register", "value", "words"),
    [
        (0x419, OPTCR, 0x8FF0AAED, ": sectors 4-11 (0x08010000-0x080FFFFF)"),
        (0x447, 0x4002201C, 0x807001AA, ""),
        (0x467, 0x40022028, 0x000001FF, ""),  # from 0x1FF to 0x1FF
        (0x415, 0x40022028, 0x0000FFFF, ""),
    ],
)
def test_sectors_under_pcrop(
    dev_id: int, register: int, value: int, words: str, make: Callable[..., Board]
) -> None:
    """With SPRMOD a bit that is 1 protects (RM0090 3.7.5)."""
    board = make(dev_id=dev_id)
    board.registers.poke(OPTCR1, 0)
    board.registers.poke(register, value)
    info, _ = told(board)
    assert words in info[0]
    assert "PCROP" in info[-1]
    assert "write-protected" not in "".join(info)


@pytest.mark.parametrize(
    ("dev_id", "register", "value", "words"),
    [
        (0x419, OPTCR, 0x0FFFAAFD, "BFB2"),
        (0x434, OPTCR, 0x0FFFAAFD, "BFB2"),
        (0x413, OPTCR, 0x0FFFAAFD, ""),  # one bank
        (0x419, BANK_2_RUNS, 0x100, "bank 2 runs"),
        (0x449, OPTCR, 0xC0FFAADD, "watchdog starts with every reset"),
        (0x451, OPTCR, 0xDFFFAAFD, "nDBANK is 0"),
        (0x449, OPTCR, 0xC0FFAAFD, ""),  # it has not got that bit
        (0x451, OPTCR, 0xEFFFAAFD, ""),  # nDBOOT alone
        (0x451, BANK_2_RUNS, 0x100, "bank 2 runs"),
        (0x449, OPTCR1, 0x00402000, ""),  # the flash on the other bus
        (0x452, OPTCR1, 0x00402008, "BOOT_ADD0 is 0x2008"),
        (0x451, OPTCR1, 0x20000080, "BOOT_ADD1 is 0x2000"),
        (0x449, OPTCR, 0xC0F7AAFD, "sectors 3-3 (0x08018000-0x0801FFFF)"),
        (0x447, 0x4002201C, 0x80F000AA, "BFB2"),
        (0x417, 0x4002201C, 0x80F000AA, ""),
        (0x447, 0x40010000, 0x8, "bank 2 runs"),
        (0x450, 0x5200201C, 0x9BC6AAF0, "banks are swapped"),
        (0x413, OPTCR, 0x0FFFAACD, "watchdog starts with every reset"),
        (0x425, 0x4002201C, 0x806000AA, "watchdog starts with every reset"),
        (0x480, 0x5200201C, 0x1BC6AAE0, "watchdog starts with every reset"),
        (0x413, OPTCR, 0x0FFF55ED, "level 1"),
        (0x467, G0_OPTR, 0xFFFEFEAA, "watchdog starts with every reset"),
        (0x467, G0_OPTR, 0xFFEFFEAA, "banks are swapped"),
        (0x460, G0_OPTR, 0xFFEFFEAA, ""),  # one bank
        (0x467, G0_OPTR, 0xFBFFFEAA, "every reset starts the ROM"),  # nBOOT0 0
        (0x467, G0_OPTR, 0xFAFFFEAA, ""),  # nBOOT0 0, but the pin decides
        (0x467, G0_OPTR, 0xF9FFFEAA, ""),  # nBOOT0 0, nBOOT1 0: SRAM
        (0x466, 0x40022080, 0x00010000, "BOOT_LOCK is 1"),
        (0x468, 0x40022070, 0x00010000, "BOOT_LOCK is 1"),
        (0x469, G0_OPTR, 0xFFFFF8AA, "BFB2 is 1"),
        (0x468, G0_OPTR, 0xFFFFF8AA, ""),  # one bank
        (0x469, G0_OPTR, 0xF3EFF8AA, "every reset starts the ROM"),
        (0x469, G0_OPTR, 0xFBEFF8AA, ""),  # nSWBOOT0 0, nBOOT0 1
        (0x469, 0x40010000, 0x100, "bank 2 runs"),
        (0x466, 0x40022000, 0x00050600, "empty at the last power-on"),
        (0x415, L4_OPTR, 0xFFFFF8AA, "BFB2"),
        (0x435, L4_OPTR, 0xFFFFF8AA, ""),  # one bank
        (0x461, L4_OPTR, 0xFFEEF8AA, "watchdog starts with every reset"),
        (0x435, L4_OPTR, 0xF3EFF8AA, "no reset starts the flash"),  # nSWBOOT0 0, nBOOT0 0
        (0x435, L4_OPTR, 0xF7EFF8AA, ""),  # nBOOT0 0, but the pin decides
        (0x495, 0x58004020, 0x31FFF1AA, "no reset starts the flash"),
        (0x495, 0x58004000, 0x00010600, "empty at the last power-on"),
        (0x484, 0x40022050, 0x2D3017F8, "the product state is Provisioning"),
        (0x484, 0x40022050, 0xAD30EDF8, "the banks are swapped"),
        (0x484, 0x40022050, 0x2D30EDF0, "the watchdog starts with every reset"),
        (0x484, 0x40022070, 0xC3000078, "a reset erases SRAM1 and SRAM3"),
        (0x415, L4_OPTR, 0xFDEFF8AA, "a reset erases SRAM2"),
        (0x470, L4_OPTR, 0xFDEFF8AA, ""),  # the stack is in SRAM3
        (0x468, G0_OPTR, 0xFDEFF8AA, "a reset erases CCM SRAM"),
        (0x497, 0x58004020, 0x3DFFF0AA, "a reset erases SRAM"),
        (0x482, 0x40022040, 0x1FEF78AA, "a reset erases SRAM1 and what follows SRAM2"),
        (0x497, 0x58004020, 0x7FFFF0AA, "BOOT_LOCK is 1"),
        (0x497, 0x58004020, 0xBFFFF0AA, "C2BOOT_LOCK is 1"),
        (0x497, 0x58004020, 0x33FFF0AA, "no reset starts the flash"),
        (0x462, 0x40022010, 0x00020000, "empty at the last power-on"),
        (0x482, 0x40022040, 0x13EFF8AA, "no reset starts the flash"),  # nSWBOOT0 0, nBOOT0 0
        (0x482, 0x40022040, 0x17EFF8AA, ""),  # nBOOT0 0, but the pin decides
        (0x481, 0x40022044, 0x0BF9007F, "no reset starts the flash, but the ROM"),
        (0x481, 0x40022044, 0x0800807F, ""),
        (0x482, 0x40022040, 0x1FFFF8AA, "banks are swapped"),
        (0x455, 0x40022040, 0x1FCFF8AA, "DUALBANK is 0"),
    ],
)
def test_options_that_surprise_are_told(
    dev_id: int, register: int, value: int, words: str, make: Callable[..., Board]
) -> None:
    board = make(dev_id=dev_id)
    board.registers.poke(register, value)
    info, plan = told(board)
    if words:
        assert len(info) == len(plan) == 1
        assert words in info[0]
        assert words in plan[0]
        assert plan[0].endswith(".")
    else:
        assert (info, plan) == ([], [])
