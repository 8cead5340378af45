"""What others have published about the same chips, ready to be asked.

Each source is read by a module of its own and knows nothing of this project's tables.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from host_tests.tables.oracles import fetch, headers, modm, svd

# DEV_ID -> the SVD files of its parts. ST has published none of F412 and F413 in these packages.
_SVDS = {
    0x413: ("cmsis-svd/STM32F40x", "cmsis-svd/STM32F41x", "pyocd/STM32F41x"),
    0x419: (
        "cmsis-svd/STM32F427x",
        "cmsis-svd/STM32F429x",
        "cmsis-svd/STM32F437x",
        "cmsis-svd/STM32F439x",
        "pyocd/STM32F429x",
        "pyocd/STM32F439x",
    ),
    0x421: ("cmsis-svd/STM32F446x",),
    0x423: ("cmsis-svd/STM32F401x",),
    0x431: ("cmsis-svd/STM32F411xx",),
    0x433: ("cmsis-svd/STM32F401xE",),
    0x434: ("cmsis-svd/STM32F46_79x",),
}

# The SVD files of the L0. What ST calls L0x1 has the registers of the L071.
_L0_SVDS = (
    "pyocd/STM32L0x1",
    *(f"cmsis-svd/STM32L0{name}x" for name in (51, 52, 53, 62, 63)),
)

# Cortex-M4 with FPU and MPU; the SVD files of the F4 describe only its NVIC.
_CORE_SVDS = ("pyocd/STM32L4x2", "cmsis-svd/MK22F51212")


class Oracles:
    """Every source, each read when it is first asked."""

    def __init__(self) -> None:
        """Raises: fetch.UnavailableError."""
        self.folder = fetch.folder()

    def svds(self, dev_id: int) -> list[svd.Svd]:
        """ST's SVD files of a die's parts; none for F412 and F413."""
        return [self._svd(name) for name in _SVDS.get(dev_id, ())]

    @cached_property
    def every_svd(self) -> list[svd.Svd]:
        """The SVD files of all F4."""
        return [each for dev_id in _SVDS for each in self.svds(dev_id)]

    @cached_property
    def l0_svds(self) -> list[svd.Svd]:
        """ST's SVD files of the L0: L0x1 first, the others are of the die 0x417."""
        return [self._svd(name) for name in _L0_SVDS]

    @cached_property
    def core_svds(self) -> list[svd.Svd]:
        """SVD files that describe the Cortex-M4 itself."""
        return [self._svd(name) for name in _CORE_SVDS]

    @cached_property
    def dies(self) -> dict[int, modm.Die]:
        """modm-devices: DEV_ID -> what the die has."""
        return modm.dies(self.folder / "modm")

    def part_names(self, dev_id: int) -> list[str]:
        """STM32F405 ...: the parts of a die, after modm-devices."""
        return sorted(f"STM32F4{name}" for name in self.dies[dev_id].names)

    @cached_property
    def bases(self) -> dict[str, dict[str, int]]:
        """qiling: part -> peripheral -> base address."""
        return headers.bases(self.folder / "qiling")

    @cached_property
    def system_memory(self) -> dict[str, tuple[int, int]]:
        """qiling: part -> (address, bytes) of the ROM."""
        return headers.system_memory(self.folder / "qiling")

    def rcc_layouts(self, dev_id: int) -> list[dict[str, int]]:
        """qiling: register of RCC -> offset, for each header of the die's parts."""
        starts = tuple(name.lower() for name in self.part_names(dev_id))
        return [found for name, found in self._layouts.items() if name.startswith(starts)]

    @cached_property
    def micropython(self) -> dict[str, int]:
        """MicroPython's module stm, of an F405: name -> address or offset."""
        return headers.micropython_names()

    @cached_property
    def arm(self) -> dict[str, int]:
        """pyOCD: register of the core, or value of a field of it -> address or value."""
        text = (self.folder / "pyocd" / "cortex_m.py").read_text()
        found = re.findall(r"^    ([A-Z]\w+) = \(?(0x\w+|\d+)(?: << (\d+))?\)?", text, re.M)
        return {name: int(value, 0) << int(shift or 0) for name, value, shift in found}

    @cached_property
    def _layouts(self) -> dict[str, dict[str, int]]:
        return headers.rcc_layouts(self.folder / "qiling")

    def _svd(self, name: str) -> svd.Svd:
        return svd.load(Path(self.folder, f"{name}.svd"))
