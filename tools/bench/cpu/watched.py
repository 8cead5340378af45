"""Addresses that are watched, each by one hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .engine import Engine, Switching


class Watched:
    """Hooks come and go between instructions, so that is when to call all of this."""

    def __init__(self, engine: Engine, switch: Switching) -> None:
        self._engine, self._switch = engine, switch
        self._stops: dict[int, Callable[[], None]] = {}
        self._tells: dict[int, Callable[[], None]] = {}

    def stop_at(self, addresses: Iterable[int]) -> None:
        """Stop the CPU where code branches to one of them, while the switch is on."""
        for address in set(addresses) - self._stops.keys():
            self._stops[address] = self._engine.add_break(
                address, address, blocks=True, switch=self._switch
            )

    def tell(self, addresses: Iterable[int], fn: Callable[[int], None]) -> None:
        """Call `fn(address)` before each of these instructions. Code that is translated while
        there is such a hook takes longer, wherever it is."""
        for address in set(addresses) - self._tells.keys():
            self._tells[address] = self._engine.add_fetch_hook(address, address, fn)

    def do_not_stop_at(self, addresses: Iterable[int]) -> None:
        for address in addresses:
            self._stops.pop(address)()

    def tell_nothing(self) -> None:
        while self._tells:
            self._tells.popitem()[1]()

    def clear(self) -> None:
        self.do_not_stop_at(list(self._stops))
        self.tell_nothing()
