"""The reset and clock masks of every die: each bit, none missing and none too many."""

from __future__ import annotations

import pytest

from host_tests.tables import resets
from host_tests.tables.library import DIES, LPENS, RESETS, Die
from host_tests.tables.oracles import Oracles

each_die = pytest.mark.parametrize("die", DIES, ids=str)
BUSES = [name.removesuffix("RSTR") for name in RESETS]


def test_a_reset_bit_never_moves(oracles: Oracles) -> None:
    """A peripheral has its bit in the same place on every F4 that ST describes."""
    moved = {
        name: bits
        for name, bits in resets.named_bits(oracles.family_svds("STM32F4")).items()
        if len(bits) != 1
    }
    assert not moved


def test_the_apb_bits_count_slots_of_one_kilobyte(oracles: Oracles) -> None:
    """Without exception, so that a base address tells the bit where no SVD file names it."""
    slots = resets.slot_bits(oracles)
    named = resets.named_bits(oracles.family_svds("STM32F4"))
    on_apb = {
        name: bits for name, bits in named.items() if {bus for bus, _ in bits} & {*resets.APB}
    }
    assert len(on_apb) >= 40
    assert {name: {slots.get(name)} for name in on_apb} == on_apb


@each_die
def test_every_peripheral_is_reset_and_nothing_else(die: Die, oracles: Oracles) -> None:
    """The masks are those of the die's peripherals.

    DFSDM (F412, F413) is in no file with an address: there remain as many bits as peripherals,
    in slots of APB2 where no F4 has anything else.
    """
    masks, unplaced = resets.expected(oracles, die.dev_id)
    ours = {bus: die.values.get(f"{bus}RSTR", 0) for bus in BUSES}
    rest = {bus: ours[bus] ^ masks[bus] for bus in BUSES if ours[bus] != masks[bus]}

    assert unplaced <= {"dfsdm1", "dfsdm2"}
    assert sum(mask.bit_count() for mask in rest.values()) == len(unplaced)
    taken = {bit for bit in resets.slot_bits(oracles).values()}
    for bus, mask in rest.items():
        assert not mask & masks[bus]
        assert not any(other == bus and mask & bit for other, bit in taken)


@each_die
def test_every_reset_bit_that_st_names_for_the_die_is_there(die: Die, oracles: Oracles) -> None:
    """The second witness: ST's SVD files of this very die's parts, and all of them."""
    for svd in oracles.svds(die.dev_id):
        for name, bits in resets.named_bits([svd]).items():
            for bus, mask in bits:
                assert die.values[f"{bus}RSTR"] & mask, f"{svd.name}: {name}"


@each_die
def test_a_register_is_left_out_only_if_the_die_has_nothing_on_it(
    die: Die, oracles: Oracles
) -> None:
    """AHB3 of F401 and F411."""
    masks, _ = resets.expected(oracles, die.dev_id)
    for bus in BUSES:
        assert (f"{bus}RSTR" in die.values) == bool(masks[bus])
        assert (f"{bus}LPENR" in die.values) == bool(masks[bus])


@pytest.mark.parametrize("die", [d for d in DIES if d.dev_id not in (0x441, 0x463)], ids=str)
def test_lpenr_is_what_st_names_and_what_can_be_reset(die: Die, oracles: Oracles) -> None:
    """Each implemented bit of LPENR is 1 after a reset (RM0090 7.3.15 to 7.3.19).

    Implemented is what the SVD files of the die name. They forget SPI4 of the F401 and SPI5 of
    the F411, which modm has: a peripheral with a reset bit has a low power clock bit, too.
    """
    masks, _ = resets.expected(oracles, die.dev_id)
    for bits in resets.named_bits(oracles.svds(die.dev_id), "LPEN").values():
        for bus, mask in bits:
            masks[bus] |= mask
    assert {name: die.values.get(name, 0) for name in LPENS} == {
        f"{bus}LPENR": mask for bus, mask in masks.items()
    }


@each_die
def test_lpenr_has_no_bit_without_a_name(die: Die, oracles: Oracles) -> None:
    """Every bit is the LPEN or RST bit of something on some F4, or the APB slot of something.

    That holds for the bits which only F412 and F413 have: those of the RTC (slot 10 of APB1) and
    of EXTI (slot 15 of APB2).
    """
    bits = {
        bit
        for found in resets.named_bits(oracles.family_svds("STM32F4"), "LPEN").values()
        for bit in found
    }
    bits |= set(resets.slot_bits(oracles).values())
    for bus in BUSES:
        named = die.values.get(f"{bus}RSTR", 0)
        for other, mask in bits:
            named |= mask if other == bus else 0
        assert not die.values.get(f"{bus}LPENR", 0) & ~named


@each_die
def test_what_can_be_reset_has_a_low_power_clock(die: Die) -> None:
    for bus in BUSES:
        resettable = die.values.get(f"{bus}RSTR", 0)
        assert resettable & die.values.get(f"{bus}LPENR", 0) == resettable
