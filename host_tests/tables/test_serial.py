"""Consoles: where the USARTs and the USB cores are, and the bits that say they are in use."""

from __future__ import annotations

import pytest

from host_tests.tables import resets
from host_tests.tables.library import RCC, table
from host_tests.tables.oracles import Oracles

ENABLES = {"APB1": RCC + 0x40, "APB2": RCC + 0x44, "AHB1": RCC + 0x30, "AHB2": RCC + 0x34}


class Registers(dict[int, int]):
    """mem32 of a chip where everything reads 0 but what the test sets."""

    def __missing__(self, address: int) -> int:
        return 0


@pytest.fixture
def mem32(monkeypatch: pytest.MonkeyPatch) -> Registers:
    registers = Registers()
    monkeypatch.setattr(table, "mem32", registers)
    return registers


def usart_bases(oracles: Oracles) -> dict[str, int]:
    """Every USART and UART of every F4."""
    maps = [svd.bases for svd in oracles.every_svd] + list(oracles.bases.values())
    return {
        resets.stem(name): base
        for bases in maps
        for name, base in bases.items()
        if name.startswith(("USART", "UART"))
    }


def field(oracles: Oracles, block: str, register: str, name: str) -> tuple[int, int]:
    """(address, mask): the one that all SVD files which have this field agree on."""
    found = {
        (each.address, each.fields[name])
        for svd in oracles.every_svd
        for each in svd.registers
        if each.block == block and each.name == register and name in each.fields
    }
    (only,) = found
    return only


def test_every_usart_is_in_the_table_with_its_clock_bit(oracles: Oracles) -> None:
    """Clock bits after the SVD files where they have one, else after the slot on the bus."""
    named = resets.named_bits(oracles.every_svd, "EN")
    expected = set()
    for name, base in usart_bases(oracles).items():
        slot = resets.slot_bit(base)
        assert slot
        assert named.get(name, {slot}) == {slot}
        bus, mask = slot
        expected.add((ENABLES[bus], mask.bit_length() - 1, base))
    assert len(expected) == 10
    in_table = {
        (enables, bit, bus + 1024 * bit) for bus, enables, bits in table._USARTS for bit in bits
    }
    assert in_table == expected


@pytest.mark.parametrize("name", ["USART1", "USART2", "UART4"])
def test_a_usart_counts_if_it_has_a_clock_and_transmits(
    name: str, oracles: Oracles, mem32: Registers
) -> None:
    base = usart_bases(oracles)[resets.stem(name)]
    bus, clock = resets.slot_bit(base) or ("", 0)
    cr1, enabled = field(oracles, name, "CR1", "UE")
    _, transmits = field(oracles, name, "CR1", "TE")
    assert not list(table.usarts())
    mem32[ENABLES[bus]] = clock
    for off in (0, enabled, transmits, 0xFFFF & ~enabled, 0xFFFF & ~transmits):
        mem32[cr1] = off
        assert not list(table.usarts())
    for on in (enabled | transmits, 0xFFFF):
        mem32[cr1] = on
        assert list(table.usarts()) == [base]
    mem32[ENABLES[bus]] = -1 & ~clock  # mem32 is signed
    assert base not in list(table.usarts())


def test_the_flag_that_the_drain_waits_for_is_tc(oracles: Oracles) -> None:
    """entry.py reads it as bit 6 of the first register."""
    for name in ("USART1", "UART4"):
        assert field(oracles, name, "SR", "TC") == (usart_bases(oracles)[resets.stem(name)], 0x40)


@pytest.mark.parametrize(("bus", "core"), [("AHB2", "FS"), ("AHB1", "HS")])
def test_a_usb_core_counts_if_it_has_a_clock_and_is_attached(
    bus: str, core: str, oracles: Oracles, mem32: Registers
) -> None:
    ((named_bus, clock),) = resets.named_bits(oracles.every_svd, "EN")[f"otg{core.lower()}"]
    assert named_bus == bus
    block, register = f"OTG_{core}_DEVICE", f"{'FS_' if core == 'FS' else 'OTG_HS_'}DCTL"
    dctl, detached = field(oracles, block, register, "SDIS")
    assert detached == 2  # entry.py sets it, at 4 after the block
    assert table.usb_ports() == []
    mem32[ENABLES[bus]] = clock
    assert table.usb_ports() == [dctl - 4]
    mem32[dctl] = detached
    assert table.usb_ports() == []
