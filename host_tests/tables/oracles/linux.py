"""Linux's device trees of STM32 with their headers, and a clock driver, as U-Boot carries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WORD = 4


@dataclass(frozen=True)
class Tree:
    """bases: label of a node -> address, as in "usart2". resets, clocks: name in the header ->
    (register of RCC, bit). rcc: register -> offset, where a driver has them."""

    bases: dict[str, int]
    resets: dict[str, tuple[str, int]]
    clocks: dict[str, tuple[str, int]]
    rcc: dict[str, int]


def tree(folder: Path, files: list[str], clock_only: set[str]) -> Tree:
    """What the files say together. clock_only: names in a header that are no reset bits."""
    texts = {name: (folder / name).read_text() for name in files}
    bits = {
        (bus, name): int(bit)
        for text in texts.values()
        for bus, name, bit in re.findall(r"#define STM32\w\d_RCC_([A-Z0-9]+)_(\w+)\s+(\d+)", text)
    }
    gated = {
        bus for text in texts.values() for bus in re.findall(r"_([A-Z0-9]+)_CLOCK\(bit\)", text)
    }
    clocks = {name: (f"{bus}ENR", bit) for (bus, name), bit in bits.items() if bus in gated}
    for text in texts.values():
        for register, bit, name in re.findall(r"\{RCC_(\w+ENR),\s*(\d+),\s*\"(\w+)\"\}", text):
            clocks[name.upper()] = (register, int(bit))
    return Tree(
        {
            label: int(address, 16)
            for text in texts.values()
            for label, address in re.findall(r"^\s+(\w+): [\w-]+@([0-9a-f]{8}) \{", text, re.M)
        },
        {name: (f"{bus}RSTR", bit) for (bus, name), bit in bits.items() if name not in clock_only},
        clocks,
        {name: at for text in texts.values() for name, at in _layout(text).items()},
    )


def _layout(text: str) -> dict[str, int]:
    """struct stm32_rcc_regs: register -> offset."""
    found, at = {}, 0
    struct = re.search(r"struct stm32_rcc_regs \{(.*?)\n\};", text, re.S)
    for name, words in re.findall(r"u32 (\w+)(?:\[(\d+)\])?;", struct[1] if struct else ""):
        if not name.startswith(("reserved", "rsv")):
            found[name.upper()] = at
        at += WORD * int(words or 1)
    return found
