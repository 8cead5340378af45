"""What others have published about the same chips, ready to be asked.

Each source is read by a module of its own and knows nothing of this project's tables.
"""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path

from host_tests.tables.oracles import (
    carried,
    fetch,
    headers,
    linux,
    modm,
    openocd,
    stlink,
    stm32flash,
    svd,
)

ROWS = tomllib.loads((Path(__file__).parent / "families.toml").read_text())
LIBOPENCM3 = tomllib.loads((Path(__file__).parent / "libopencm3.toml").read_text())
SVDS: dict[int, list[str]] = {int(dev_id, 16): names for dev_id, names in ROWS["svds"].items()}

# Cortex-M4 with FPU and MPU; the SVD files of the F4 describe only its NVIC.
_CORE_SVDS = ("pyocd/STM32L4x2", "cmsis-svd/MK22F51212")


class Oracles:
    """Every source, each read when it is first asked."""

    def __init__(self) -> None:
        """Raises: fetch.UnavailableError."""
        self.folder = fetch.folder()

    def svds(self, dev_id: int) -> list[svd.Svd]:
        """ST's SVD files of a die's parts; none for many."""
        return [svd.load(self.folder / f"{name}.svd") for name in SVDS.get(dev_id, ())]

    def carried(self, dev_id: int) -> list[svd.Svd]:
        """What was carried over from SVD files of a die that no package has."""
        return [carried.svds()[dev_id]] if dev_id in carried.svds() else []

    def family_svds(self, family: str) -> list[svd.Svd]:
        """The SVD files of all dies of a family, as in "STM32F4"."""
        found = [each for dev_id in SVDS for each in self.svds(dev_id)]
        return [each for each in found if each.name.startswith(family)]

    @cached_property
    def core_svds(self) -> list[svd.Svd]:
        """SVD files that describe the Cortex-M4 itself."""
        return [svd.load(self.folder / f"{name}.svd") for name in _CORE_SVDS]

    @cached_property
    def dies(self) -> dict[int, modm.Die]:
        """modm-devices: DEV_ID -> what the die has."""
        return modm.dies(self.folder / "modm")

    @cached_property
    def stm32flash(self) -> dict[int, stm32flash.Device]:
        """DEV_ID -> what stm32flash has of it."""
        return stm32flash.devices(self.folder / "stm32flash")

    @cached_property
    def stlink(self) -> dict[int, stlink.Device]:
        """DEV_ID -> what stlink has of it."""
        return stlink.devices(self.folder / "stlink")

    @cached_property
    def openocd(self) -> dict[int, openocd.Device]:
        """DEV_ID -> what OpenOCD has of it."""
        return openocd.devices(self.folder / "openocd")

    def libopencm3(self, family: str) -> tuple[int, int] | None:
        """Addresses of the unique ID and the flash size of a family, as in "STM32F4"."""
        names = (name for name in LIBOPENCM3 if family.startswith(name))
        return LIBOPENCM3.get(max(names, default="", key=len))

    def linux(self, dev_id: int) -> linux.Tree | None:
        """Linux's device tree of a die."""
        files = ROWS["linux"].get(hex(dev_id))
        clock_only = set(ROWS["linux"]["clock_only"])
        return linux.tree(self.folder / "linux", files, clock_only) if files else None

    def part_names(self, dev_id: int) -> list[str]:
        """STM32F405 ...: the parts of an F4 die, after modm-devices."""
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
