"""The table of the STM32L0 against ST's SVD files, modm-devices, stm32flash and stm32loader."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest
from stm32loader.bootloader import CHIP_IDS, Stm32Bootloader

from host_tests.tables import replay
from host_tests.tables.oracles import Oracles, stm32flash
from tools.tables.family import Bit, Die
from tools.tables.l0 import DIES, EXTI, FAMILY, FLASH, IRQS, PWR, RCC, SYSCFG
from tools.tables.language import Register

each_die = pytest.mark.parametrize("die", DIES, ids=str)
BUSES: tuple[str, ...] = ("IOP", "AHB", "APB2", "APB1")

# ST's SVD files describe these two dies: the L0x1 what the L071 has of 0x447, the others 0x417.
L05X, L07X = FAMILY.die(0x417), FAMILY.die(0x447)

# What romboot leaves alone (see the table): bits of RSTR, of every die.
KEPT = {"AHB": 1 << 8, "APB2": 1 << 22}  # MIFRST, DBGRST
SRAM = 1 << 9  # RCC.AHBSMENR: SRAM has a clock in sleep mode, and no reset

# modm's name of a peripheral -> that of its bits in RCC
ALIASES = {"sys": "syscfg", "aes": "cryp", "dma1": "dma", "tsc": "touch"}
WITHOUT_RESET = {"core", "flash", "gpio", "iwdg", "rcc", "rtc", "comp1", "comp2", "i2s2"}


@cache
def bits(oracles: Oracles) -> dict[str, tuple[str, int]]:
    """Peripheral -> (bus, bit). Some fields are misprinted in some files: most files decide."""
    votes: dict[str, Counter[tuple[str, int]]] = {}
    for svd in oracles.l0_svds:
        for register in svd.registers:
            match = re.fullmatch(r"(IOP|AHB|APB1|APB2)(RST|EN)R", register.name)
            if register.block == "RCC" and match:
                for field, mask in register.fields.items():
                    name = field.lower().removesuffix(match[2].lower())
                    name = re.sub(r"^iop(.)$", r"gpio\1", name)
                    votes.setdefault(name, Counter())[match[1], mask] += 1
    return {name: counter.most_common(1)[0][0] for name, counter in votes.items()}


def expected(oracles: Oracles, die: Die) -> dict[str, int]:
    """Bus -> the bits of what modm says the die has. PWR is on all, CRS where USB is."""
    parts = oracles.dies[die.dev_id].peripherals - WITHOUT_RESET | {"pwr"}
    parts |= {"crs"} if "usb" in parts else set()
    masks: dict[str, int] = dict.fromkeys(BUSES, 0)
    for part in parts:
        # TIM3: RSTR has bit 1, ENR of the only file that has it 2; the bus says 1
        bus, mask = ("APB1", 2) if part == "tim3" else bits(oracles)[ALIASES.get(part, part)]
        masks[bus] |= mask
    return masks


@each_die
def test_every_peripheral_is_reset_and_nothing_else(die: Die, oracles: Oracles) -> None:
    ours = replay.resets(FAMILY, die)
    assert {bus: ours[f"{bus}RSTR"] for bus in BUSES} == expected(oracles, die)


@pytest.mark.parametrize("die", [L05X, L07X], ids=str)
def test_the_reset_bits_that_st_names(die: Die, oracles: Oracles) -> None:
    """All of them but the two that are left alone."""
    ours = replay.resets(FAMILY, die)
    for bus in BUSES:
        theirs = 0
        for svd in oracles.l0_svds[1:] if die is L05X else oracles.l0_svds:
            (register,) = svd.at(getattr(RCC, f"{bus}RSTR").address)
            theirs |= register.mask
        assert ours[f"{bus}RSTR"] | KEPT.get(bus, 0) == theirs
        assert not ours[f"{bus}RSTR"] & KEPT.get(bus, 0)


@each_die
def test_what_can_be_reset_has_a_clock_in_sleep_mode(die: Die, oracles: Oracles) -> None:
    """SMENR after a reset: every implemented bit, and no other."""
    ours = replay.values(FAMILY, die)
    for bus, mask in expected(oracles, die).items():
        more = KEPT.get(bus, 0) | (SRAM if bus == "AHB" else 0)
        assert ours[f"RCC.{bus}SMENR"] == mask | more


def test_registers_are_where_st_has_them(oracles: Oracles) -> None:
    """Under the manual's names; the SVD files spell two of them otherwise."""
    spelt = {"IOPSMENR": "IOPSMEN", "OPTR": "OBR"}
    for block in (RCC, FLASH, PWR, SYSCFG, EXTI):
        for register in block:
            name = register.name.split(".")[1]
            found = {r.name for svd in oracles.l0_svds for r in svd.at(register.address)}
            assert found == {spelt.get(name, name)}, register


# Registers that read what was written into them.
STATE = [
    *(RCC.CR, RCC.ICSCR, RCC.CRRCR, RCC.CFGR, RCC.CIER, RCC.CCIPR),
    *(RCC.IOPENR, RCC.AHBENR, RCC.APB2ENR, RCC.APB1ENR),
    *(RCC.IOPSMENR, RCC.AHBSMENR, RCC.APB2SMENR, RCC.APB1SMENR),
    *(FLASH.ACR, FLASH.PECR),
    *(EXTI.IMR, EXTI.EMR, EXTI.RTSR, EXTI.FTSR),
]


@pytest.mark.parametrize("register", STATE, ids=str)
def test_values_after_a_reset(register: Register, oracles: Oracles) -> None:
    """Of the die that the SVD files are of. Calibration is read-only (ICSCR)."""
    ours = replay.values(FAMILY, L05X)[register.name]
    found = [r for svd in oracles.l0_svds[1:] for r in svd.at(register.address)]
    assert found
    for theirs in found:
        # of the bits that the file has: the L05x has no AES, the L052 no LCD
        mask = theirs.mask if "SMENR" not in register.name else 0xFFFFFFFF
        assert ours & mask == theirs.reset & mask


def test_the_bits_that_are_waited_for(oracles: Oracles) -> None:
    fields = {
        RCC.CR: {"MSION": 0x100, "MSIRDY": 0x200, "HSI16RDYF": 4, "HSERDY": 1 << 17},
        RCC.CFGR: {"SW": 3, "SWS": 0xC},
        RCC.CSR: {"LSION": 1, "LSIRDY": 2},
        RCC.APB2ENR: {"SYSCFGEN": 1, "DBGEN": 1 << 22},
        RCC.APB1ENR: {"PWREN": 1 << 28},
        PWR.CR: {"LPRUN": 1 << 14},
        PWR.CSR: {"REGLPF": 1 << 5},
        FLASH.SR: {"BSY": 1},
        FLASH.OPTR: {"RDPRT": 0xFF},
        SYSCFG.CFGR1: {"MEM_MODE": 3},
    }
    for svd in oracles.l0_svds:
        for register, bits_of in fields.items():
            (theirs,) = svd.at(register.address)
            for name, mask in bits_of.items():
                assert theirs.fields[name] == mask, (svd.name, name)


@each_die
def test_names_memory_and_interrupts(die: Die, oracles: Oracles) -> None:
    modm = oracles.dies[die.dev_id]
    assert set(re.findall(r"\d+", die.name.removeprefix("STM32L"))) == {
        f"0{name}" for name in modm.names
    }
    assert [(ram.base, ram.size) for ram in die.rams] == [(0x20000000, modm.sram)]
    assert modm.interrupts <= IRQS


def test_interrupts(oracles: Oracles) -> None:
    assert max(oracles.dies[die.dev_id].interrupts for die in DIES) == IRQS


@each_die
@pytest.mark.skipif(not stm32flash.installed(), reason="what stm32flash knows: not installed")
def test_stm32flash_has_the_same_chip(die: Die) -> None:
    """The bootloader ID is in the last byte but one of system memory (AN2606 4.2)."""
    device = stm32flash.ask(die.dev_id)
    assert device.ram == die.rams[0].size
    assert device.system_memory == die.rom_id + 2 - FAMILY.vectors
    assert FAMILY.vectors + device.system_memory <= FAMILY.rom_end


def test_stm32loader_knows_no_other() -> None:
    known = {dev_id for dev_id, name in CHIP_IDS.items() if name.startswith("STM32L0")}
    assert known and known <= {die.dev_id for die in DIES}
    assert Stm32Bootloader.FLASH_SIZE_ADDRESS["L0"] == FAMILY.flash_size
    assert Stm32Bootloader.UID_ADDRESS["L0"] == FAMILY.unique_id[0]


def test_usarts_usb_and_watchdog(oracles: Oracles) -> None:
    """Bases and clock bits. L0x1 has all USARTs, L053 USB."""
    named = bits(oracles)
    l0x1, l053 = oracles.l0_svds[0], oracles.l0_svds[3]
    for usart in FAMILY.usarts:
        assert usart.base == l0x1.bases[usart.name]
        assert clock(usart.clock) == named[usart.name.lower()]
    (usb,) = FAMILY.usb
    (bcdr,) = l053.at(usb.register)
    assert (bcdr.block, bcdr.name, bcdr.fields["DPPU"]) == ("USB_FS", "BCDR", usb.mask)
    assert clock(usb.clock) == named["usb"]
    assert FAMILY.iwdg == l0x1.bases["IWDG"]
    assert {r.name for svd in oracles.l0_svds for r in svd.at(FAMILY.idcode)} == {"IDCODE"}


def clock(bit: Bit) -> tuple[str, int]:
    """As bits() has it."""
    return bit.register.name.removeprefix("RCC.").removesuffix("ENR"), 1 << bit.number
