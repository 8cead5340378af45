"""What MicroPython at a prompt says of itself: one question, as each takes a while."""

from __future__ import annotations

import ast
from typing import NamedTuple

from ..port.prompt import Prompt

STM32 = "pyboard"  # sys.platform of MicroPython's stm32 port

WHO = """
import sys
i=sys.implementation
print((sys.platform,sys.version,tuple(i.version),getattr(i,'_mpy',0),getattr(i,'_build',''),\
getattr(i,'_machine','')))
"""


class Who(NamedTuple):
    """platform: sys.platform. version, number, mpy, build, machine: of its firmware, as in
    "v1.25.0 on 2025-04-15", (1, 25, 0), sys.implementation._mpy (0 if it has none), "PYBV11" (""
    up to MicroPython 1.24), "PYBv1.1 with STM32F405RG"."""

    platform: str
    version: str
    number: tuple[int, ...]
    mpy: int
    build: str
    machine: str


def who(prompt: Prompt) -> Who:
    """Any MicroPython."""
    said = Who(*ast.literal_eval(prompt.run(WHO)))
    return said._replace(version=said.version.rpartition("MicroPython ")[2])
