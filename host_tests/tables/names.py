"""What the registers are called, by everyone who has published it: address -> names and fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from host_tests.tables.oracles import Oracles
from host_tests.tables.oracles.svd import Register

PREFIX = re.compile(r"^(MPU_|NVIC_?)")  # some files put the block into the name


class Names:
    """By ST, NXP, Arm (pyOCD) and MicroPython."""

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

    def masks(self, field: str) -> set[int]:
        """The masks of every field of this name. SWS0 and SWS1 are SWS."""
        found: set[int] = set()
        for register in (each for all_of_them in self.registers.values() for each in all_of_them):
            parts = [
                m for name, m in register.fields.items() if name.rstrip("0123456789") == field
            ]
            found |= {register.fields[field]} if field in register.fields else {sum(parts)}
        return found - {0}

    def _all(self) -> Iterator[Register]:
        for svd in self._oracles.family_svds("STM32F4"):
            yield from svd.registers
        for svd in self._oracles.core_svds:
            # Their peripherals are other chips'; the core is the same. NXP has IPR as bytes.
            core = (r for r in svd.registers if 0xE000E000 <= r.address < 0xE000F000)
            yield from (r for r in core if not r.name.startswith("NVICIP"))
