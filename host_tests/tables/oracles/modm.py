"""modm-devices: one XML file for several dies, each element limited to some of its parts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SRAM = 0x20000000
CCM = 0x10000000


@dataclass(frozen=True)
class Die:
    """What a die has, over all its parts and packages.

    names, sizes: parts as in STM32F4<name>x<size>. sram: bytes from 0x20000000 on.
    ccm: bytes at 0x10000000, which only the core can reach (on F413 they are SRAM2 once more).
    peripherals: as modm calls them, ports as "gpioa". interrupts: the highest, plus 1; vectors:
    their names by number.
    """

    names: frozenset[str]
    sizes: frozenset[str]
    sram: int
    ccm: int
    peripherals: frozenset[str]
    interrupts: int
    vectors: dict[int, frozenset[str]]

    def __or__(self, other: Die) -> Die:
        """What either file says: some dies have a file for each of their lines."""
        return Die(
            self.names | other.names,
            self.sizes | other.sizes,
            max(self.sram, other.sram),
            max(self.ccm, other.ccm),
            self.peripherals | other.peripherals,
            max(self.interrupts, other.interrupts),
            {
                number: self.vectors.get(number, frozenset())
                | other.vectors.get(number, frozenset())
                for number in {*self.vectors, *other.vectors}
            },
        )


def dies(folder: Path) -> dict[int, Die]:
    """DEV_ID -> Die."""
    found = {}
    for path in sorted(folder.glob("*.xml")):
        device = ET.parse(path).getroot().find("device")
        assert device is not None
        for item in device.findall("attribute-die"):
            parts = {
                key: set((item.get(f"device-{key}") or device.get(key, "")).split("|"))
                for key in ("name", "size")
            }
            dev_id = int(item.get("value", "").removeprefix("DIE"), 16)
            die = _die(device, parts)
            found[dev_id] = found[dev_id] | die if dev_id in found else die
    return found


def _die(device: ET.Element, parts: dict[str, set[str]]) -> Die:
    def mine(parent: ET.Element, tag: str) -> Iterator[ET.Element]:
        for item in parent.findall(tag):
            limits = ((key, item.get(f"device-{key}")) for key in parts)
            if all(limit is None or parts[key] & set(limit.split("|")) for key, limit in limits):
                yield item

    peripherals: set[str] = set()
    memories: list[ET.Element] = []
    vectors: dict[int, frozenset[str]] = {}
    for driver in mine(device, "driver"):
        name = driver.get("name", "")
        instances = {f"{name}{item.get('value')}" for item in mine(driver, "instance")}
        peripherals |= instances or {name}
        peripherals |= {f"gpio{item.get('port')}" for item in mine(driver, "gpio")}
        memories += mine(driver, "memory")
        for vector in mine(driver, "vector"):
            number, name = int(vector.get("position", "")), vector.get("name", "")
            vectors[number] = vectors.get(number, frozenset()) | {name}
    return Die(
        frozenset(parts["name"]),
        frozenset(parts["size"]),
        _contiguous(memories, SRAM),
        _contiguous(memories, CCM),
        frozenset(peripherals),
        max(vectors, default=-1) + 1,
        vectors,
    )


def _contiguous(memories: list[ET.Element], start: int) -> int:
    """Bytes from start on without a gap."""
    sizes = {int(m.get("start", ""), 0): int(m.get("size", "")) for m in memories}
    end = start
    while end in sizes:
        end += sizes[end]
    return end - start
