"""Addresses that are watched, each by one hook.

A hook makes Unicorn translate all code anew, so those that are in use stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tools.bench.cpu.engine import Engine, Switching


class Watched:
    """Hooks come and go between instructions, so that is when these are called."""

    def __init__(self, engine: Engine, switch: Switching) -> None:
        self._engine, self._switch = engine, switch
        self._remove: dict[int, Callable[[], None]] = {}

    def stop_at(self, addresses: Iterable[int]) -> None:
        """Stop the CPU where code branches to one of them, while the switch is on."""
        for address in set(addresses) - self._remove.keys():
            self._remove[address] = self._engine.add_break(
                address, address, blocks=True, switch=self._switch
            )

    def tell(self, addresses: Iterable[int], fn: Callable[[int], None]) -> None:
        """Call `fn(address)` before each of these instructions, switch or no switch. From then on
        all code takes a little longer."""
        for address in set(addresses) - self._remove.keys():
            self._remove[address] = self._engine.add_fetch_hook(address, address, fn)

    def forget(self, addresses: Iterable[int]) -> None:
        for address in addresses:
            self._remove.pop(address)()

    def clear(self) -> None:
        self.forget(list(self._remove))
