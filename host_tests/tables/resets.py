"""Which reset bits a die must have, worked out from what others say about it.

What a die has is known from modm-devices, part by part. Where the reset bit of a peripheral is,
ST's SVD files say, of any F4 that has it: a bit never moves from one F4 to the next. For those
that no SVD file knows (UART9 of the F413, say), the bus says it: on APB1 and APB2 the reset and
clock bits count the slots of 1 KiB, bit n for base + n * 0x400. test_resets.py proves both rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from host_tests.tables.library import RESETS
from host_tests.tables.oracles import Oracles
from host_tests.tables.oracles.svd import Svd

Bit = tuple[str, int]  # (AHB1, AHB2, AHB3, APB1 or APB2, mask)

APB = {"APB1": 0x40000000, "APB2": 0x40010000}
SLOT = 0x400

# One peripheral, two names: what modm, qiling or another SVD field calls it -> its RSTR field.
_ALIASES = {
    "sys": "syscfg",
    "adc1": "adc",
    "adc2": "adc",
    "adc3": "adc",
    "aes": "cryp",  # F423: the same bit and base address as CRYP of its elder brothers
    "dac1": "dac",
    "dsihost": "dsi",
    "eth": "ethmac",
    "fmpi2c1": "i2cfmp1",
    "fsmc": "fmc",
    "hdmi_cec": "cec",
    "hsah": "hash",  # so spelt in every SVD file
    "quadspi": "qspi",
    "spdif_rx": "spdif",
    "spdifrx": "spdif",
    "usb_otg_fs": "otgfs",
    "usb_otg_hs": "otghs",
}

# Drivers of modm that are no peripheral of the bus, or whose peripheral has no reset bit.
_WITHOUT_RESET = {"core", "flash", "gpio", "iwdg", "rcc", "rtc"}


def stem(name: str) -> str:
    """One name for a peripheral, whoever speaks: usart2, UART2, USART2."""
    name = name.lower()
    name = _ALIASES.get(name, name)
    return "u" + name[2:] if name.startswith("usart") else name


def named_bits(svds: Iterable[Svd], suffix: str = "RST") -> dict[str, set[Bit]]:
    """Peripheral -> its bits in the registers <bus><suffix>R, in all these files."""
    found: dict[str, set[Bit]] = {}
    for svd in svds:
        for register in svd.registers:
            if register.block == "RCC" and register.name.endswith(f"{suffix}R"):
                bus = register.name.removesuffix(f"{suffix}R")
                for field, mask in register.fields.items():
                    # SPI4ENR is a field too
                    name = stem(field.removesuffix("R").removesuffix(suffix))
                    found.setdefault(name, set()).add((bus, mask))
    return found


def slot_bit(base: int) -> Bit | None:
    """The reset bit of the peripheral with this base address, if it is on an APB."""
    for bus, start in APB.items():
        if start <= base < start + 32 * SLOT:
            return bus, 1 << (base - start) // SLOT
    return None


def slot_bits(oracles: Oracles) -> dict[str, Bit]:
    """Peripheral on an APB -> reset bit, by base address, from every F4 that anyone describes."""
    maps = [svd.bases for svd in oracles.family_svds("STM32F4")] + list(oracles.bases.values())
    bits = {stem(name): slot_bit(base) for bases in maps for name, base in bases.items()}
    return {name: bit for name, bit in bits.items() if bit}


def peripherals(oracles: Oracles, dev_id: int) -> set[str]:
    """The peripherals of a die that have a reset bit. modm does not list PWR; every F4 has it."""
    names = oracles.dies[dev_id].peripherals - _WITHOUT_RESET
    return {stem(name) for name in names if not name.startswith("i2s")} | {"pwr"}


def expected(oracles: Oracles, dev_id: int) -> tuple[dict[str, int], set[str]]:
    """Bus -> mask of reset bits; and the peripherals of which nobody says where they are."""
    masks = dict.fromkeys((name.removesuffix("RSTR") for name in RESETS), 0)
    named, slots = named_bits(oracles.family_svds("STM32F4")), slot_bits(oracles)
    unplaced = set()
    for name in peripherals(oracles, dev_id):
        bits = named.get(name) or {slots[name]} if name in slots else named.get(name)
        if not bits:
            unplaced.add(name)
        for bus, mask in bits or ():
            masks[bus] |= mask
    return masks, unplaced
