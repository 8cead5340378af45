"""The way that a loop takes through its code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import decode


@dataclass(slots=True)
class Way:
    """Blocks of code, by address, that one round after the other went through.

    Attributes:
        blocks: what was in them.
        exits: where the CPU may come from these blocks and is then in none.
        shortcuts: where it may come from these blocks and is then in the middle of one, as no
            round did. Of interest, as is the next, only if `single`, and else empty.
        conditional: addresses of the instructions in IT blocks.
        calls: addresses of the calls through a register.
        single: from each block there is just one way on, but for exits and shortcuts: as long as
            the CPU takes none, and executes nothing conditional, each round is the same.
        may_return: in the blocks is a return that depends on a condition.
        runs: what was in them, in fewer pieces: (address, code).
    """

    blocks: dict[int, bytes]
    exits: set[int] = field(default_factory=set)
    shortcuts: set[int] = field(default_factory=set)
    conditional: set[int] = field(default_factory=set)
    calls: set[int] = field(default_factory=set)
    single: bool = False
    may_return: bool = False
    runs: list[tuple[int, bytes]] = field(init=False)
    _contains: dict[int, bool] = field(init=False, default_factory=dict)  # that was asked for

    def __post_init__(self) -> None:
        self.runs = []
        for at, code in sorted(self.blocks.items()):
            begin, before = self.runs[-1] if self.runs else (at, b"")
            known = begin + len(before) - at
            if known >= 0:
                self.runs[-1:] = [(begin, before + code[known:])]
            else:
                self.runs.append((at, code))

    def __contains__(self, address: int) -> bool:
        answer = self._contains.get(address)
        if answer is None:
            answer = any(at <= address < at + len(code) for at, code in self.runs)
            self._contains[address] = answer
        return answer

    def is_there(self, code_at: Callable[[int, int], bytes]) -> bool:
        """The code is what it was; `code_at(address, length)` gives what it is now."""
        return all(code_at(at, len(seen)) == seen for at, seen in self.runs)

    def explore(self, word_at: Callable[[int], int]) -> bool:
        """Find out where it leads, but for `calls`; False if anywhere.

        A return is taken to lead to after a call.
        """
        found: set[int] = set()
        self.single = True
        for at, code in self.blocks.items():
            targets = self._targets(at, code, word_at)
            if targets is None:
                return False
            conditional = decode.conditional(code)
            self.conditional.update(at + offset for offset in conditional)
            last_may_fail = decode.last_instruction(code) in conditional
            if last_may_fail:
                targets.add(at + len(code))
                self.may_return = self.may_return or decode.returns(code)
            found.update(targets)
            on = targets & self.blocks.keys()
            if decode.is_call(code):
                on.discard(at + len(code))
            self.single = self.single and len(on) < 2 and not last_may_fail
        self.exits = {address for address in found if address not in self}
        self.shortcuts = found - self.exits - self.blocks.keys()
        if not self.single:
            self.give_up()
        return True

    def _targets(self, at: int, code: bytes, word_at: Callable[[int], int]) -> set[int] | None:
        if decode.calls_register(code):
            self.calls.add(at + decode.last_instruction(code))
            return {at + len(code)}
        return decode.targets(code, at, word_at)

    def give_up(self) -> None:
        """Rounds differ."""
        self.single = False
        self.shortcuts.clear()
        self.conditional.clear()
