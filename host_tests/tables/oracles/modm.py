"""modm-devices: one XML file for several dies, each element limited to some of its parts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SRAM = 0x20000000
CCM = 0x10000000
KEYS = ("name", "pin", "size", "package", "variant")


@dataclass(frozen=True)
class Die:
    """What a die has, over all its parts and packages.

    family: as in "f4". names, sizes: parts as in STM32F4<name>x<size>. core: as in "cortex-m4f".
    sram: bytes from 0x20000000 on, of the part with most; memories: by their first address, the
    largest. ccm: bytes at 0x10000000, which only the core can reach (on F413 they are SRAM2 once
    more). peripherals: as modm calls them, ports as "gpioa". signals: ("PA9", "usart1", "tx").
    interrupts: the highest, plus 1; vectors: their names by number.
    """

    family: str
    names: frozenset[str]
    sizes: frozenset[str]
    core: str
    sram: int
    ccm: int
    memories: dict[int, int]
    peripherals: frozenset[str]
    signals: frozenset[tuple[str, str, str]]
    interrupts: int
    vectors: dict[int, frozenset[str]]

    def __or__(self, other: Die) -> Die:
        """What either file says: some dies have a file for each of their lines."""
        return Die(
            self.family,
            self.names | other.names,
            self.sizes | other.sizes,
            self.core,
            max(self.sram, other.sram),
            max(self.ccm, other.ccm),
            {
                start: max(self.memories.get(start, 0), other.memories.get(start, 0))
                for start in {*self.memories, *other.memories}
            },
            self.peripherals | other.peripherals,
            self.signals | other.signals,
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
            dev_id = int(item.get("value", "").removeprefix("DIE"), 16)
            die = _die(device, _parts(device, item))
            found[dev_id] = found[dev_id] | die if dev_id in found else die
    return found


def _parts(device: ET.Element, die: ET.Element) -> dict[str, set[str]]:
    """Which letters of the name the parts of a die have; "" is one, that of no variant."""
    found = {}
    for key in KEYS:
        limit = die.get(f"device-{key}")
        found[key] = set((device.get(key, "") if limit is None else limit).split("|"))
    return found


def _die(device: ET.Element, parts: dict[str, set[str]]) -> Die:
    def mine(parent: ET.Element, tag: str) -> Iterator[ET.Element]:
        for item in parent.findall(tag):
            limits = ((key, item.get(f"device-{key}")) for key in parts)
            if all(limit is None or parts[key] & set(limit.split("|")) for key, limit in limits):
                yield item

    peripherals: set[str] = set()
    memories: list[ET.Element] = []
    signals: set[tuple[str, str, str]] = set()
    core = ""
    vectors: dict[int, frozenset[str]] = {}
    for driver in mine(device, "driver"):
        name = driver.get("name", "")
        instances = {f"{name}{item.get('value')}" for item in mine(driver, "instance")}
        peripherals |= instances or {name}
        core = driver.get("type", "") if name == "core" else core
        for gpio in mine(driver, "gpio"):
            peripherals.add(f"gpio{gpio.get('port')}")
            pin = f"P{gpio.get('port', '').upper()}{gpio.get('pin')}"
            for signal in mine(gpio, "signal"):
                user = f"{signal.get('driver')}{signal.get('instance', '')}"
                signals.add((pin, user, signal.get("name", "")))
        memories += mine(driver, "memory")
        for vector in mine(driver, "vector"):
            number, name = int(vector.get("position", "")), vector.get("name", "")
            vectors[number] = vectors.get(number, frozenset()) | {name}
    sizes = _sizes(memories)
    return Die(
        device.get("family", ""),
        frozenset(parts["name"]),
        frozenset(parts["size"]),
        core,
        _contiguous(sizes, SRAM),
        _contiguous(sizes, CCM),
        sizes,
        frozenset(peripherals),
        frozenset(signals),
        max(vectors, default=-1) + 1,
        vectors,
    )


def _sizes(memories: list[ET.Element]) -> dict[int, int]:
    """First address -> bytes, of the part with most."""
    found: dict[int, int] = {}
    for memory in memories:
        start, size = int(memory.get("start", ""), 0), int(memory.get("size", ""))
        found[start] = max(size, found.get(start, 0))
    return found


def _contiguous(sizes: dict[int, int], start: int) -> int:
    """Bytes from start on without a gap."""
    end = start
    while end in sizes:
        end += sizes[end]
    return end - start
