"""info() says of a ROM what AN2606 says of that version, and nothing of another one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from tools.tables import dies

Make = Callable[..., Board]

I2C, SPI = "I2C1 I2C2 I2C3", "SPI1 SPI2 SPI3 SPI4"
F405 = "USART1 USART3 CAN2 DFU"
F401 = f"USART1 USART2 DFU {I2C} SPI1 SPI2 SPI3"
F412 = f"USART1 USART2 CAN2 DFU {I2C} I2C4 SPI1 SPI3 SPI4"
H74 = f"USART1 USART2 USART3 DFU {I2C} {SPI}"
H72 = f"USART1 USART2 USART3 DFU {I2C} SPI1 SPI3 SPI4 FDCAN1"
H7A = f"{H74} FDCAN1"
G03 = "USART1 USART2 I2C1 I2C2"
G07 = f"{G03} USART3 SPI1 SPI2"
G43 = "USART1 USART2 USART3 I2C2 I2C3 SPI1 SPI2 DFU"
H5 = "USART1 USART2 USART3 DFU I2C3 I2C4 SPI1 SPI2 SPI3 FDCAN2 I3C1"
L41 = f"USART1 USART2 USART3 DFU {I2C}"
L4 = f"{L41} SPI1 SPI2 CAN1"
U5 = f"USART1 USART3 DFU {I2C} SPI1 SPI2 SPI3 FDCAN1"

# AN2606 rev 70, read once more: Table 3, and of each line the configuration and the versions, with
# what does not work there. DEV_ID -> bootloader ID -> interfaces.
AN2606 = {
    0x413: dict.fromkeys((0x30, 0x31), F405)
    | dict.fromkeys((0x90, 0x91), f"{F405} {I2C} SPI1 SPI2"),  # tables 73 to 76
    0x419: {0x70: f"{F405} I2C1"}
    | dict.fromkeys((0x90, 0x91), f"{F405} {I2C} SPI1 SPI2 SPI4"),  # tables 89 to 92
    0x421: {0x90: f"{F405} {I2C} SPI1 SPI2 SPI4"},  # 93, 94
    0x423: {0xD0: F401, 0xD1: F401},  # 78 has 13.0, table 3 has 0xD1
    0x431: {0xD0: F401},  # 83, 84
    0x433: {0xD1: F401},  # 79, 80
    0x434: {0x90: f"{F405} {I2C} SPI1 SPI2 SPI4"},  # 95, 96
    0x441: {0x90: F412, 0x91: f"{F412} USART3"},  # 86: 9.1 fixes the pins of USART3
    0x463: {0x90: f"{F412} USART3"},  # 87, 88
    0x449: {0x70: f"{F405} {I2C}", 0x90: f"{F405} {I2C} SPI1 SPI2 SPI4"},  # 99 to 102
    0x451: {0x93: f"{F405} {I2C} SPI1 SPI2 SPI4"},  # 103, 104
    0x452: {0x90: f"USART1 USART3 CAN1 DFU {I2C} SPI1 SPI2 SPI4"},  # 97, 98
    0x442: {0x50: "USART1 USART2 I2C1", 0x52: "USART1 I2C1"},  # 43, 44; table 3
    0x440: {0x21: "USART1 USART2"},  # 33, 34
    0x444: {0x10: "USART1"},  # 29, 30
    0x448: dict.fromkeys((0xA1, 0xA2, 0xA3), "USART1 USART2 I2C1 DFU"),  # 39 to 42
    0x445: dict.fromkeys((0xA0, 0xA1, 0xA2, 0xA3), "USART1 USART2 I2C1 DFU"),  # 35 to 38
    0x416: {0x20: "USART1 USART2"},  # 154, 155
    0x429: {0x20: "USART1 USART2"},  # 152, 153
    0x447: dict.fromkeys((0x40, 0x41), "USART1 USART2 DFU")
    | dict.fromkeys((0xB1, 0xB2), "USART1 USART2 I2C1 I2C2 SPI1 SPI2"),  # 148 to 151
    0x417: {0xC0: "USART1 USART2 SPI1 SPI2"},  # 146, 147
    0x425: {0xC0: "USART2 SPI1"},  # 144, 145
    0x457: dict.fromkeys((0xC2, 0xC3), "USART2 SPI1"),  # 142, 143
    0x437: {0x40: "USART1 USART2 DFU"},  # 160, 161
    0x436: dict.fromkeys((0x41, 0x42, 0x45), "USART1 USART2 DFU"),  # 158, 159
    0x427: {0x40: "USART1 USART2 DFU"},  # 156, 157
    0x450: dict.fromkeys((0x90, 0x91, 0x92), f"{H74} FDCAN1")
    | {
        0xD2: f"USART1 USART3 DFU {I2C} SPI2 SPI3 SPI4",  # 136: not USART2, SPI1
        0xD3: H74,
    },
    0x474: dict.fromkeys(  # 121, 123
        (0xE1, 0xE2), "USART1 USART2 USART3 DFU I2C2 SPI1 SPI2 SPI3 FDCAN1 I3C1"
    ),
    0x478: dict.fromkeys(  # 124, 126
        (0xE0, 0xE2), "USART1 USART2 USART3 DFU I2C1 I2C3 SPI1 SPI2 SPI3 FDCAN2 I3C1"
    ),
    0x484: dict.fromkeys((0xE3, 0xE4, 0xE5), H5),  # 127, 129
    0x483: dict.fromkeys((0x91, 0x92, 0x93), H72),  # 133, 134 (table 3 has SPI2, 133 has not)
    0x480: dict.fromkeys((0x90, 0x91, 0x92), H7A),  # 137, 138
    0x466: dict.fromkeys((0x51, 0x52, 0x53, 0x54), G03),  # 105, 106
    0x460: dict.fromkeys((0xB0, 0xB1, 0xB2, 0xB3, 0xB4), G07),  # 107, 108
    0x467: {0xD0: f"{G07} DFU", 0x92: f"{G07} DFU FDCAN1"},  # 109 to 112
    0x468: dict.fromkeys((0xD3, 0xD4), G43),  # 115, 116
    0x469: dict.fromkeys((0xD3, 0xD4, 0xD5), f"{G43} I2C4"),  # 117, 118
    0x479: {0xD2: G43},  # 119, 120
    0x456: dict.fromkeys((0x50, 0x51), G03),  # 113, 114; table 3 has 0x51
    0x464: {0xD1: f"{L41} SPI1 SPI2"},  # 162, 163
    0x435: {0x91: L4},  # 164, 165
    0x462: {0x92: L4},  # 166, 167
    0x415: dict.fromkeys((0xA1, 0xA2, 0xA3), L41) | {0x90: L4, 0x92: L4},  # 168 to 171
    0x461: {0x93: L4},  # 172, 173
    0x471: {0x90: L4},  # 174, 175
    0x497: dict.fromkeys((0xC2, 0xC3, 0xC4), "USART1 USART2 SPI1 SPI2"),  # 202, 203
    0x494: {0xB1: "USART1 I2C1 SPI1"},  # 181
    0x495: {0xD5: "USART1 I2C1 I2C3 SPI1 SPI2 DFU"},
    0x482: dict.fromkeys((0x92, 0x93), f"{U5} USART2"),  # 217, 219
    0x481: {0x92: f"{U5} USART2"},  # 220, 222
    0x455: {0x91: U5},  # 214, 216
    0x476: {0x90: f"{U5} USART2"},  # 223, 225
    0x470: {0x90: L4, 0x95: L4},  # 177 has 9.0, table 3 has 0x95
}
VERSIONS = [(dev_id, rom_id) for dev_id, ids in AN2606.items() for rom_id in ids]
each_version = pytest.mark.parametrize(("dev_id", "rom_id"), VERSIONS)


def rom_of(make: Make, dev_id: int, rom_id: int) -> Board:
    board = make(dev_id=dev_id)
    (address,) = (die.rom_id for _, die in dies() if die.dev_id == dev_id)
    board.registers.poke(address, rom_id, 1)
    return board


def interfaces_in(lines: list[str]) -> list[str]:
    """USART1, CAN2, DFU ... of the lines from "listens on" to "keep quiet"."""
    labels = [line.split("  ")[0] for line in lines]
    found = lines[labels.index("listens on") : labels.index("keep quiet")]
    return [re.split(r" +", line[12:].removeprefix("USB "))[0] for line in found]


def test_every_die_is_here() -> None:
    assert set(AN2606) == {die.dev_id for _, die in dies()}


@each_version
def test_every_version_has_its_interfaces_and_no_other(
    dev_id: int, rom_id: int, make: Make
) -> None:
    info = rom_of(make, dev_id, rom_id).romboot.info()
    text = info.table()
    assert sorted(interfaces_in(text.splitlines())) == sorted(AN2606[dev_id][rom_id].split())
    assert info.known == info.id == rom_id
    assert "not in AN2606" not in text
    assert not re.search(r"\bID 0x|from ID", text.replace("DEV_ID", "").replace("REV_ID", ""))
    assert ("USB DFU needs" in text) == ("USB DFU PA11" in text)


@each_version
def test_the_pins_to_keep_quiet_are_those_of_the_interfaces(
    dev_id: int, rom_id: int, make: Make
) -> None:
    """RX of each USART and CAN, and the pins of each SPI; AN2606 4.3."""
    info = rom_of(make, dev_id, rom_id).romboot.info()
    text = info.table()
    (line,) = (line for line in text.splitlines() if line.startswith("keep quiet"))
    pins = line[12:].split()
    expected = []
    for interface in info.interfaces:
        name, places = interface.split(" ", 1)
        for place in re.sub(r" \(.*", "", places).split(" or "):
            if re.match("USART|F?D?CAN", name):
                expected.append(place.split("/")[-1])
            elif name.startswith("SPI"):
                expected.append(place)
    assert pins == expected
    assert "PA10" in pins
    assert "it ignores the others" in text


@pytest.mark.parametrize(
    ("dev_id", "rom_id", "known"),
    [(0x419, 0x92, 0x91), (0x419, 0x71, 0x70), (0x447, 0x42, 0x41), (0x413, 0x92, 0x91),
     (0x450, 0xD4, 0xD3), (0x457, 0xC0, 0xC2), (0x441, 0x9F, 0x91)],
)  # fmt: skip
def test_of_an_unknown_version_the_nearest_is_told_and_marked(
    dev_id: int, rom_id: int, known: int, make: Make
) -> None:
    info = rom_of(make, dev_id, rom_id).romboot.info()
    lines = info.table().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("ROM ID"))
    assert f"0x{rom_id:02X}, version" in lines[at]
    assert lines[at + 1].strip().endswith(f"this is of 0x{known:02X}:")
    assert "not in AN2606" in lines[at + 1]
    assert sorted(interfaces_in(lines)) == sorted(AN2606[dev_id][known].split())


@pytest.mark.parametrize(
    ("dev_id", "rom_id"), [(0x419, 0xD1), (0x447, 0x91), (0x450, 0xFF), (0x447, 0x3F)]
)
def test_of_an_unknown_kind_only_the_kind_is_told(dev_id: int, rom_id: int, make: Make) -> None:
    """Also if a version of another kind is near: 0x40 is next to the last one."""
    info = rom_of(make, dev_id, rom_id).romboot.info()
    text = info.table()
    assert "USART" in text
    assert "pins unknown" in text
    assert not re.search(r"\bP[A-I]\d", text)
    assert (info.known, info.interfaces, info.notes) == (None, [], [])


@pytest.mark.parametrize(
    ("dev_id", "rom_id", "words", "not_words"),
    [
        (
            0x447,
            0x40,
            ["a jump to this ROM works, though AN2606 says that no L0", "no crystal"],
            ["starts the application"],
        ),
        (0x447, 0x41, ["no L0 can be jumped into", "this ROM starts the application"], ["works"]),
        (0x447, 0xB2, ["this ROM looks for a bank"], ["works", "USB DFU"]),
        (0x450, 0x92, ["PB15 low", "HSI48"], ["PA11", "USART2, SPI1"]),
        (0x413, 0x31, ["115,200 baud", "6 %"], ["5 %"]),
        (0x415, 0x92, ["115,200 baud", "5 %"], ["6 %"]),
        (0x467, 0x92, ["needs no crystal"], ["115,200 baud"]),
        (0x450, 0x90, ["PB15 low", "pull-up on PA11", "bank 2"], ["crystal on HSE"]),
        (0x450, 0xD2, ["crystal on HSE", "USART2, SPI1"], ["bank 2;", "HSI48"]),
        (0x483, 0x93, ["HSI48"], ["PB15 low", "resets for ever"]),
        (0x467, 0x92, ["needs no crystal", "erase them one by one", "debug port"], ["HSE"]),
        (0x467, 0xD0, ["needs HSE of 8, 12", "erase them one by one"], ["debug port"]),
        (0x460, 0xB2, ["parity check of SRAM"], ["clears the empty flag", "wait 40 ms"]),
        (0x460, 0xB3, ["wait 40 ms", "PC11 low", "clears the empty flag"], ["parity"]),
        (0x466, 0x51, ["PA3 is low", "32 and 48 pins"], []),
        (0x466, 0x54, ["BOOT0 pin is ignored"], ["PA3 is low"]),
        (0x469, 0xD5, ["AN2606 says that it stays", "one user reports"], ["BFB2"]),
        (0x469, 0xD4, ["needs no crystal"], ["one user reports", "BFB2"]),
        (0x413, 0x31, ["above 8 MHz", "enter again", "Write Unprotect"], []),
        (0x413, 0x91, ["8 MHz", "enter again"], ["Write Unprotect"]),
        (0x431, 0xD0, ["8 MHz"], ["enter again"]),
    ],
)
def test_notes_are_those_of_the_version(
    dev_id: int, rom_id: int, words: list[str], not_words: list[str], make: Make
) -> None:
    text = rom_of(make, dev_id, rom_id).romboot.info().table()
    _, _, notes = text.partition("keep quiet")
    for word in words:
        assert word in notes
    for word in not_words:
        assert word not in notes
