"""Every register that the oracles know: address -> names, and fields by address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from host_tests.tables.library import FILL, Line
from host_tests.tables.oracles import Oracles
from host_tests.tables.oracles.svd import Register

PREFIX = re.compile(r"^(MPU_|NVIC_?)")  # some files put the block into the name
WORD = re.compile(r"[A-Z][A-Z0-9_]*[A-Z0-9](?:-\d+)?")


def words(comment: str) -> set[str]:
    """The names in a comment; ICER0-3 is four of them."""
    found = set()
    for word in WORD.findall(comment):
        name, _, last = word.partition("-")
        match = re.fullmatch(r"(\D+)(\d+)", name)
        if last and match:
            found |= {f"{match[1]}{number}" for number in range(int(match[2]), int(last) + 1)}
        else:
            found.add(name)
    return found


def addresses(line: Line) -> list[int]:
    """Every address that a line touches."""
    found = []
    for address, kind, values in line.steps:
        found += [address + 4 * i for i in range(values[1] if kind == FILL else 1)]
    return found


class Names:
    """What the registers are called, by ST, NXP, Arm (pyOCD) and MicroPython."""

    def __init__(self, oracles: Oracles) -> None:
        self._oracles = oracles

    @cached_property
    def registers(self) -> dict[int, list[Register]]:
        """Address -> the register, once for each file that has it."""
        found: dict[int, list[Register]] = {}
        for register in self._all():
            found.setdefault(register.address, []).append(register)
        return found

    @cached_property
    def _names(self) -> dict[int, set[str]]:
        found = {
            address: {PREFIX.sub("", register.name) for register in registers}
            for address, registers in self.registers.items()
        }
        for name, address in self._oracles.arm.items():
            found.setdefault(address, set()).add(PREFIX.sub("", name))
        stm = self._oracles.micropython
        for name, offset in stm.items():
            block, _, register = name.partition("_")
            if register and block in stm:
                found.setdefault(stm[block] + offset, set()).add(register)
        return found

    def at(self, address: int) -> set[str]:
        """The names of an address. IPR21 and ICPR3 are in no file: they follow IPR0, ICPR0."""
        if address in self._names:
            return self._names[address]
        match = [re.fullmatch(r"(\D+)(\d+)", name) for name in self.at(address - 4)]
        return {f"{m[1]}{int(m[2]) + 1}" for m in match if m}

    def fields(self, address: int) -> dict[str, set[int]]:
        """Field -> its masks in the files; SWS0 and SWS1 are also SWS."""
        found: dict[str, set[int]] = {}
        for register in self.registers.get(address, []):
            joined: dict[str, int] = {}
            for name, mask in register.fields.items():
                found.setdefault(name, set()).add(mask)
                joined[name.rstrip("0123456789")] = joined.get(name.rstrip("0123456789"), 0) | mask
            for name, mask in joined.items():
                if name not in register.fields:
                    found.setdefault(name, set()).add(mask)
        return found

    def _all(self) -> Iterator[Register]:
        for svd in self._oracles.every_svd:
            yield from svd.registers
        for svd in self._oracles.core_svds:
            # Their peripherals are other chips'; the core is the same. NXP has IPR as bytes.
            core = (r for r in svd.registers if 0xE000E000 <= r.address < 0xE000F000)
            yield from (r for r in core if not r.name.startswith("NVICIP"))
