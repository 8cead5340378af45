"""The chip files: whole, consistent, and in agreement with the reference data where it is at hand.

The reference is not part of the repository: it lies beside the checkout as shared/reference, or
where ROMBOOT_REFERENCE says. Without it the comparison is skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from host_tests.tables import replay
from tools import boards
from tools.bench import sysmem
from tools.bench.blocks.registers import kinds
from tools.bench.catalogue import KINDS, VERSIONS
from tools.bench.chip import Chip, load, names
from tools.tables import dies

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("ROMBOOT_REFERENCE", ROOT.parent / "shared" / "reference"))
CORE_BLOCKS = ("RCC", "FLASH", "PWR", "SYSCFG", "EXTI", "DBGMCU")
PINS = 16  # lines of EXTI that are pins


@pytest.fixture
def chip(request: pytest.FixtureRequest) -> Chip:
    return load(request.param)


def of_every_chip(check: Callable[[Chip], None]) -> Callable[[], None]:
    """One test for all of them, which names the chip that fails."""

    def every() -> None:
        for name in names():
            try:
                check(load(name))
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error

    return every


@of_every_chip
def test_the_library_knows_each_of_them(chip: Chip) -> None:
    assert chip.dev_id in {die.dev_id for _, die in dies()}


def test_an_unknown_chip_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(ValueError, match=r"no chip 'STM32F999xx'.*STM32F405xx"):
        load("STM32F999xx")


@of_every_chip
def test_reset_values_lie_within_32_bits_and_offsets_are_unique(chip: Chip) -> None:
    for p in chip.peripherals:
        offsets = [r.offset for r in p.registers]
        assert len(set(offsets)) == len(offsets), p.name
        assert len({r.name for r in p.registers}) == len(offsets), p.name
        for r in p.registers:
            assert 0 <= r.reset <= 0xFFFFFFFF and 0 <= r.mask <= 0xFFFFFFFF, (p.name, r.name)
            assert not r.read_only & ~r.mask and not r.self_clearing & ~r.mask, (p.name, r.name)


@of_every_chip
def test_peripherals_do_not_overlap(chip: Chip) -> None:
    spans = sorted((p.base, p.base + p.size, p.name) for p in chip.peripherals)
    for (_, end, name), (start, _, other) in pairwise(spans):
        assert end <= start, f"{name} and {other}"


@of_every_chip
def test_gates_and_resets_are_implemented_bits(chip: Chip) -> None:
    masks = {r.name: r.mask for r in chip.peripheral("RCC").registers}
    for p in chip.peripherals:
        for bit in (p.enable, p.reset):
            assert bit is None or masks[bit.register] & bit.mask, f"{p.name}: {bit}"


@of_every_chip
def test_every_reset_bit_resets_something(chip: Chip) -> None:
    wired = {(p.reset.register, p.reset.bit) for p in chip.peripherals if p.reset}
    for r in chip.peripheral("RCC").registers:
        if r.name.endswith("RSTR"):
            implemented = {(r.name, bit) for bit in range(32) if r.mask >> bit & 1}
            assert implemented <= wired, f"{chip.name}: {sorted(implemented - wired)}"


@of_every_chip
def test_the_reset_bits_are_those_that_the_library_pulses(chip: Chip) -> None:
    """Two tables from different sources: there masks, here peripherals with their bit. A row of
    the library stands for all dies with its DEV_ID. It leaves out what it puts back register by
    register, or leaves alone: core blocks, whose every register is described here."""
    family = next(family for family, die in dies() if die.dev_id == chip.dev_id)
    pulsed = replay.resets(family, family.die(chip.dev_id))
    implemented = {r.name: r.mask for r in chip.peripheral("RCC").registers}
    for name in {*pulsed, *(p.reset.register for p in chip.peripherals if p.reset)}:
        bits = {p.reset.mask: p for p in chip.peripherals if p.reset and p.reset.register == name}
        mask = pulsed.get(name, 0) & implemented.get(name, 0)
        assert not mask & ~sum(bits), f"{name}: nothing here has {mask & ~sum(bits):#x}"
        left_out = {block.name for bit, block in bits.items() if not bit & mask}
        assert left_out <= set(CORE_BLOCKS), name


@of_every_chip
def test_interrupts_exist(chip: Chip) -> None:
    for p in chip.peripherals:
        assert all(0 <= irq < chip.irq_count for irq in p.irqs), p.name


@of_every_chip
def test_flash_sectors_fill_the_flash(chip: Chip) -> None:
    flash, sectors = chip.region("FLASH"), chip.sectors()
    at = flash.base
    for sector in sectors:
        assert sector.base == at
        at += sector.size
    assert at == flash.end
    assert len({(s.bank, s.number) for s in sectors}) == len(sectors)


@of_every_chip
def test_the_rom_is_plausible(chip: Chip) -> None:
    rom, system = chip.rom, chip.region("SYSTEM")
    assert rom["vector_table"] in system
    assert any(rom["id_address"] in region for region in chip.memory if region.kind == "system")
    rams = [region for region in chip.memory if region.kind in ("sram", "tcm")]
    assert any(sysmem.initial_sp(chip) - 1 in region for region in rams)
    assert rom["vector_table"] + 4 * rom["vectors"] <= sysmem.reset_vector(chip)
    assert sysmem.reset_vector(chip) & 1 and sysmem.reset_vector(chip) - 1 in system
    usarts = {p.name for p in chip.peripherals if p.kind == "usart"}
    assert {u["usart"] for u in rom["usarts"]} <= usarts


@of_every_chip
def test_a_kind_that_is_described_behaves(chip: Chip) -> None:
    """Registers of all others only keep what is written: nobody would read the description."""
    used = {f"{p.kind} {p.version}" for p in chip.peripherals if p.registers}
    without = {*kinds(), *used} - set(VERSIONS)
    assert {kind.split()[0] for kind in without} <= set(KINDS)


def test_the_plain_api_that_board_headers_are_made_from() -> None:
    f429, l073, h743 = load("STM32F429xx"), load("STM32L073xx"), load("STM32H743xx")
    usart = f429.peripheral("USART2")
    assert (usart.base, usart.kind, usart.version) == (0x40004400, "usart", "v1")
    assert usart.enable and (usart.enable.register, usart.enable.bit) == ("APB1ENR", 17)
    assert usart.irqs == (38,)
    assert f429.register_address("RCC", "APB1ENR") == 0x40023840
    assert l073.register_address("RCC", "IOPENR") == 0x4002102C
    assert h743.register_address("RCC", "APB1LENR") == 0x580244E8
    assert [c.core["model"] for c in (f429, l073, h743)] == [
        "cortex-m4",
        "cortex-m0+",
        "cortex-m7",
    ]
    assert h743.region("SRAM").base == 0x24000000


@pytest.mark.parametrize(
    ("kind", "name", "reset"),
    [  # from the register descriptions of RM0090 rev 21, RM0367 and RM0433
        ("usart v1", "SR", 0xC0),
        ("usart v2", "ISR", 0xC0),
        ("can v1", "MCR", 0x00010002),
        ("can v1", "MSR", 0x00000C02),
        ("iwdg v1", "RLR", 0x0FFF),
        ("iwdg v2", "WINR", 0x0FFF),
        ("wwdg v1", "CR", 0x7F),
        ("wwdg v1", "CFR", 0x7F),
        ("rtc v2", "PRER", 0x007F00FF),
        ("timer v1", "ARR", 0xFFFF),
        ("timer32 v1", "ARR", 0xFFFFFFFF),
        ("otg v1", "GRSTCTL", 0x80000000),
        ("otg v1", "GINTSTS", 0x04000020),
        ("fsmc v1", "BCR1", 0x30DB),
        ("fsmc v1", "BCR4", 0x30D2),
    ],
)
def test_reset_values_of_the_manual(kind: str, name: str, reset: int) -> None:
    assert next(r for r in kinds()[kind] if r.name == name).reset == reset


# --- against the reference ---------------------------------------------------------------------


def number(text: str | None) -> int | None:
    return None if text is None else int(text, 16)


of_boards = pytest.mark.parametrize(
    "chip", sorted({boards.load(name).chip for name in boards.on_bench()}), indirect=True
)


@pytest.fixture
def reference(chip: Chip) -> dict[str, Any]:
    path = REFERENCE / "chips" / f"{chip.name}.json"
    if not path.is_file():
        pytest.skip("no reference data: set ROMBOOT_REFERENCE to its directory")
    return json.loads(path.read_text())


@of_boards
def test_identity_as_in_the_reference(chip: Chip, reference: dict[str, Any]) -> None:
    assert chip.dev_id == number(reference["dev_id"]["value"])
    assert chip.irq_count == reference["irq_count"]
    assert chip.core["nvic_priority_bits"] == reference["nvic_prio_bits"]
    assert chip.core["mpu_regions"] == reference["mpu"]["regions"]
    header = number(reference["uid_addr"])
    embassy = {number(p["base"]) for p in reference["peripherals"] if p["kind"] == "uid"}
    assert chip.factory["uid"] in (embassy or {header})
    # the first headers of the F72x have both addresses of the F74x (see tools/tables/f72.py)
    if chip.factory["uid"] == header:
        assert chip.factory["flash_kib"] == number(reference["flashsize_addr"])


@of_boards
def test_memory_as_in_the_reference(chip: Chip, reference: dict[str, Any]) -> None:
    def total(*kinds: str) -> int:
        return sum(m["size"] for m in reference["memory"] if m["kind"] in kinds)

    rams = {region.name for region in chip.memory if region.kind == "sram"}
    regions = [r for r in chip.memory if r.kind != "alias" or r.of in rams]

    def here(*kinds: str) -> int:
        return sum(region.size for region in regions if region.kind in kinds)

    assert here("flash") == total("flash")
    # Code can run in the CCM of an STM32G4: so here it is SRAM, at two addresses
    executable = ("ccm",) if here("alias") else ()
    assert here("sram", "alias") == total("sram", *executable)
    assert here("tcm") == total("itcm", "dtcm")
    assert executable or here("ccm") == total("ccm")
    assert here("eeprom") == total("eeprom")
    assert here("system") == total("sysmem")
    # Of F74x and F76x it does not have the OTP area of ST's headers, which is at FLASH_OTP_BASE
    if chip.dev_id not in (0x449, 0x451):
        assert here("otp") == total("otp")


@of_boards
def test_rom_as_in_the_reference(chip: Chip, reference: dict[str, Any]) -> None:
    rom = reference["rom"]
    assert chip.rom["vector_table"] == number(rom["vector_table"]["value"])
    assert chip.rom["id_address"] == number(rom["id_addr"]["value"])
    known = [text.split()[0] for text in rom["ids_known"]["value"]]  # of some, with a revision
    assert f"0x{chip.rom['id']:02X}" in known
    listed = (i for i in rom["interfaces"] if i["kind"] == "USART")
    there = {p.name for p in chip.peripherals}  # the line's ROM knows more than an L432 has
    pins = [(i["instance"], i["tx"], i["rx"]) for i in listed if i["instance"] in there]
    assert [(u["usart"], u["tx"], u["rx"]) for u in chip.rom["usarts"]] == pins
    assert "usb" not in chip.rom or "DFU" in {i["kind"] for i in rom["interfaces"]}


@of_boards
@pytest.mark.parametrize("block", CORE_BLOCKS)
def test_registers_as_in_the_reference(chip: Chip, reference: dict[str, Any], block: str) -> None:
    """Offset, implemented bits, and the reset value of every bit that both are sure of.

    Registers that an H7 shows at a second address (names in C1_ and _) are described once.
    """
    if block not in reference["registers"]:
        block = {"SYSCFG": "SBS"}[block]
    known = {r.offset: r for r in chip.peripheral(block).registers}
    for name, there in reference["registers"][block]["regs"].items():
        reset, mask = number(there["reset"]), number(there.get("mask"))
        offset = int(there["offset"], 16)
        second = chip.family.startswith("h7") and is_second_address(chip, block, name, offset)
        # an address of ST's SVD file alone, as HWCFGR1 of the WB is
        not_in_the_header = "@" in name or name.startswith(("HWCFGR", "VERR", "IPIDR", "SIDR"))
        secure = name.startswith(("SEC", "CSLCKR"))  # for a core in Secure state
        left_out = second or not_in_the_header or secure
        if reset is None or there.get("option_bytes") or left_out:
            continue
        here = known.pop(offset)
        assert here.name == name
        unsure = ~here.compared | int(there["mask_unknown"], 16)
        unsure |= int(there.get("mask_reset_cause", "0"), 16)
        unsure |= raised_by_hardware(chip, name) if block == "RCC" else 0
        unsure |= disagreement(reference["registers"][block]["regs"], name)
        unsure |= mistaken(chip, f"{block}.{name}", reset) if chip.family.startswith("h7") else 0
        assert (here.reset ^ reset) & ~unsure == 0, f"{block}.{name}"
        if mask is not None:
            # "stray": in the reference's reset value but not in its mask, as BORRSTF of the F412,
            # which RM0402 has in RCC_CSR
            known_bits = ~here.unknown & ~int(there.get("stray", "0"), 16)
            assert here.mask & known_bits == mask & known_bits, f"{block}.{name}"


def is_second_address(chip: Chip, block: str, name: str, offset: int) -> bool:
    """RCC of the H7A has its clock enables where other H7 show them again."""
    only_one = chip.family == "h7a" and block == "RCC"
    return name.startswith("C1_") or (offset >= 0x100 and not only_one)


def mistaken(chip: Chip, name: str, reset: int) -> int:
    """Bits of a register of an H7 in which the SVD file that the reference follows is wrong:
    docs/facts.md says why."""
    if name in ("EXTI.IMR2", "EXTI.IMR3"):  # direct lines are forgotten
        return ~chip.peripheral("EXTI").by_name[f"RTSR{name[-1]}"].mask
    if name in ("PWR.CSR1", "PWR.SRDCR"):  # of the H7A: VOS is that of the H74x
        return 3 << 14 if chip.family == "h7a" else 0
    nothing_there = name == "FLASH.ACR" and reset == 0x600
    return 0x31 if name == "FLASH.CR1" else 0x63F if nothing_there else 0


def raised_by_hardware(chip: Chip, register: str) -> int:
    """The reference has RCC.CR of some as it is before ready flags, and on an H7 HSIDIVF, rise."""
    ready = (line for line in chip.rcc["oscillators"].values() if line[0] == register)
    mask = chip.peripheral("RCC").by_name[register].read_only
    return (mask if chip.family.startswith("h7") else 0) | sum(1 << bit for _, _, bit, _ in ready)


def disagreement(registers: dict[str, Any], name: str) -> int:
    """Bits in which the reference has another value for the same register of the second bank."""
    twin = registers.get(f"{name[:-1]}2") if name.endswith("1") else None
    if not twin or twin["reset"] is None:
        return 0
    return int(registers[name]["reset"], 16) ^ int(twin["reset"], 16)


def in_doubt(there: dict[str, Any], reference: dict[str, Any]) -> bool:
    """An I2S extension without a size, or at the base of a peripheral that has a gate: I2S2 and
    I2S3 of the F446, which RM0390 table 1 and ST's header do not have."""
    at_base = [p for p in reference["peripherals"] if p["base"] == there["base"]]
    replaced = any(p["enable"] for p in at_base) and not there["enable"]
    return there["kind"] == "spi" and (there["size"] is None or replaced)


def unmodelled(chip: Chip, gate: dict[str, Any]) -> bool:
    """RTCAPBEN of F412 and F413 is in their headers, but no other F4 has it and no source at hand
    has its reset value, so the bench keeps the bit and does not let it stop the RTC."""
    return chip.family == "f4" and gate["field"] == "RTCAPBEN"


@of_boards
def test_peripherals_as_in_the_reference(chip: Chip, reference: dict[str, Any]) -> None:
    """Base, gate, reset and interrupts of every peripheral that the reference lists. Some are
    parts of another, some are memory."""
    here = {p.base: p for p in chip.peripherals}
    for there in reference["peripherals"]:
        base = int(there["base"], 16)
        inside = any(p.base < base < p.base + p.size for p in chip.peripherals)
        memory = there["kind"] in ("uid", "tscal", "vrefintcal", "usbram", "fdcanram")
        if base not in here and (inside or memory or there["kind"] is None):
            continue
        if in_doubt(there, reference) and (base not in here or here[base].kind != "spi"):
            continue
        mine = here[base]
        for bit, theirs in ((mine.enable, there["enable"]), (mine.reset, there["reset"])):
            if theirs and "doubtful" not in theirs and not unmodelled(chip, theirs):
                register = theirs.get("header_reg", theirs["reg"])
                assert bit and (bit.register, bit.bit) == (register, theirs["bit"]), mine.name
        irqs = sorted(set(chip.exti_irqs[:PINS])) if there["kind"] == "exti" else list(mine.irqs)
        assert not there["irqs"] or irqs == there["irqs"], mine.name
