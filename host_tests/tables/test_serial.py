"""Consoles: where the USARTs and the USB cores are, and the bits that say they are in use."""

from __future__ import annotations

import pytest

from host_tests.tables import resets
from host_tests.tables.library import RCC, compiled
from host_tests.tables.oracles import Oracles

ENABLES = {"APB1": RCC + 0x40, "APB2": RCC + 0x44, "AHB1": RCC + 0x30, "AHB2": RCC + 0x34}


def usart_bases(oracles: Oracles) -> dict[str, int]:
    """Every USART and UART of every F4."""
    maps = [svd.bases for svd in oracles.family_svds("STM32F4")] + list(oracles.bases.values())
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
        for svd in oracles.family_svds("STM32F4")
        for each in svd.registers
        if each.block == block and each.name == register and name in each.fields
    }
    (only,) = found
    return only


def test_every_usart_is_in_the_table_with_its_clock_bit(oracles: Oracles) -> None:
    """Clock bits after the SVD files where they have one, else after the slot on the bus."""
    named = resets.named_bits(oracles.family_svds("STM32F4"), "EN")
    expected = set()
    for name, base in usart_bases(oracles).items():
        slot = resets.slot_bit(base)
        assert slot
        assert named.get(name, {slot}) == {slot}
        bus, mask = slot
        expected.add((ENABLES[bus], mask.bit_length() - 1, base))
    assert len(expected) == 10
    assert expected == {
        (clocks, bit, bus + 1024 * bit)
        for bus, clocks, first, mask in compiled.USARTS
        for bit in range(first, 32)
        if mask >> bit - first & 1
    }


@pytest.mark.parametrize("name", ["USART1", "USART2", "UART4"])
def test_the_status_register_of_a_usart(name: str, oracles: Oracles) -> None:
    """SR.TC, which chip.py takes for bit 6."""
    base = usart_bases(oracles)[resets.stem(name)]
    assert field(oracles, name, "SR", "TC") == (base, 0x40)


@pytest.mark.parametrize(("bus", "core"), [("AHB2", "FS"), ("AHB1", "HS")])
def test_a_usb_core_is_in_the_table_with_its_clock_bit(
    bus: str, core: str, oracles: Oracles
) -> None:
    """SDIS is 0 while the host sees a device."""
    ((named_bus, clock),) = resets.named_bits(oracles.family_svds("STM32F4"), "EN")[
        f"otg{core.lower()}"
    ]
    assert named_bus == bus
    block, register = f"OTG_{core}_DEVICE", f"{'FS_' if core == 'FS' else 'OTG_HS_'}DCTL"
    dctl, detached = field(oracles, block, register, "SDIS")
    byte, bit = divmod(clock.bit_length() - 1, 8)
    assert (ENABLES[bus] + byte, bit, dctl, detached, 0) in compiled.USB
    assert len(compiled.USB) == 2
