"""The rows of the bench's peripherals against modm-devices and ST's SVD files."""

from __future__ import annotations

import re

import pytest

from host_tests.tables.oracles import Oracles
from tools.bench.chip import Chip, load, names

each_chip = pytest.mark.parametrize("chip", [load(name) for name in names()], ids=lambda c: c.name)

APB = {"APB1RSTR": 0x40000000, "APB2RSTR": 0x40010000}
# What a vector is called that is not named after its peripheral: another part of the same block
VECTORS = {
    **{"SUBGHZSPI": "SUBGHZ", "GTZC_TZIC": "GTZC"},
    **{"I2S2ext": "SPI", "I2S3ext": "SPI", "CAN_CCU": "CAN", "RTC": "STAMP", "RCC": "CRS CSS"},
    **{
        "FSMC": "FMC",
        "GTZC_TZIC": "GTZC",
        "SYSCFG": "COMP",
        "RAMECC1": "ECC",
        "RAMECC2": "ECC",
        "RAMECC3": "ECC",
    },
}


@each_chip
def test_each_interrupt_has_a_vector_of_that_name(chip: Chip, oracles: Oracles) -> None:
    vectors = oracles.dies[chip.dev_id].vectors
    for p in chip.peripherals:
        stems = {re.sub(r"\d+$", "", p.name).removeprefix("USB_").replace("_", "")}
        stems |= {*VECTORS.get(p.name, "").split()}
        for irq in p.irqs:
            if irq not in vectors:  # modm has no FSMC for F412 and F413
                continue
            found = {name.replace("_", "") for name in vectors.get(irq, ())}
            assert any(stem in name for stem in stems for name in found), (p.name, irq, found)


@each_chip
def test_each_vector_of_a_line_of_exti_says_so(chip: Chip, oracles: Oracles) -> None:
    """Lines 0 to 15 are pins."""
    vectors = oracles.dies[chip.dev_id].vectors
    for line, irq in enumerate(chip.exti_irqs[:16]):
        names = [name for name in vectors[irq] if name.startswith("EXTI")]
        numbers = [[int(n) for n in re.findall(r"\d+", name)] for name in names]
        assert any(min(ends) <= line <= max(ends) for ends in numbers), (line, names)


@each_chip
def test_base_addresses_as_in_sts_svd_files(chip: Chip, oracles: Oracles) -> None:
    """Of every peripheral that has the same name there. Where a file has TIM7 in the place of TIM5
    the bus decides: bit n of RSTR is for slot n of 1 KiB (test_resets.py)."""
    for svd in oracles.svds(chip.dev_id):
        here = {p.name: p.base for p in chip.peripherals if p.name in svd.bases}
        assert len(here) > 15
        for name, base in here.items():
            reset = chip.peripheral(name).reset
            slot = APB.get(reset.register, 0) + reset.bit * 0x400 if reset else 0
            assert base in (svd.bases[name], slot), (svd.name, name)
