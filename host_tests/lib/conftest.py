"""romboot, imported as if on a chip."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from host_tests.lib.fake_machine import FakeChip

LIB = Path(__file__).parents[2] / "lib"
# Not plan and info: a user has them imported by the functions of the same names.
MODULES = ("errors", "facts", "chip", "stm32f4", "stm32f4_facts", "entry", "reset")


class Board:
    """A fake chip and romboot's modules on it: board.romboot, board.entry, board.chip ..."""

    def __init__(self, fake: FakeChip, modules: dict[str, ModuleType]) -> None:
        self.fake = fake
        self.registers = fake.registers
        self.romboot = modules[""]
        self.entry = modules["entry"]
        self.chip = modules["chip"]
        self.facts = modules["facts"]
        self.errors = modules["errors"]
        self.table = modules["stm32f4"]
        self.reset = modules["reset"]


FOREIGN = ("romboot", "machine", "micropython", "pyb", "uctypes")


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in FOREIGN]:
        del sys.modules[name]


@contextmanager
def _standing_in(**modules: object) -> Iterator[None]:
    """os, time and gc are other modules on a chip, but only for romboot: pytest needs its own."""
    real = {name: sys.modules[name] for name in modules}
    sys.modules.update(modules)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.modules.update(real)


def _import(fake: FakeChip) -> dict[str, ModuleType]:
    _forget()
    present: dict[str, object] = {
        "machine": fake.machine,
        "pyb": fake.pyb,
        "micropython": SimpleNamespace(const=lambda value: value),
        "uctypes": fake.heap,
        "romboot.jump": SimpleNamespace(  # assembler cannot run here
            helper=fake.helper,
            code_address=lambda: fake.helper.code_address,
            **fake.helper.TASKS,
        ),
    }
    sys.modules.update(present)  # type: ignore[arg-type]
    collector = SimpleNamespace(collect=lambda: None)  # pytest's own would look at all of pytest
    with _standing_in(os=fake.os, time=fake.clock, gc=collector):
        modules = {name: importlib.import_module(f"romboot.{name}") for name in MODULES}
    modules[""] = sys.modules["romboot"]
    for module in modules.values():
        if hasattr(module, "sys"):
            module.sys = fake.sys  # type: ignore[attr-defined]
    return modules


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Board]]:
    """make(dev_id=...): a board, in the place of the one before. All is forgotten in the end."""
    monkeypatch.syspath_prepend(str(LIB))

    def make_board(**kind: int) -> Board:
        fake = FakeChip(**kind)
        return Board(fake, _import(fake))

    yield make_board
    _forget()


@pytest.fixture
def board(make: Callable[..., Board]) -> Board:
    """An STM32F429 at its prompt: main stack, privileged, protection level 0."""
    return make()
