"""What goes wrong on USB, as people have reported it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum


class Leave(Enum):
    """What becomes of the ROM when the host has asked it to leave DFU mode."""

    USUAL = "usual"
    """What the ROM of this chip does: that of an H7 is as GOES_FIRST, others answer and go."""
    GOES_FIRST = "goes-first"
    """It is gone before it answers GETSTATUS: dfu-util says "Error during download get_status"
    and exits with 74 (monome/crow 128, klipper on an H743)."""
    STALLS = "stalls"
    """It stalls GETSTATUS, and goes."""
    STAYS = "stays"
    """It goes off the bus and does not start the application: only a reset helps."""


@dataclass
class Faults:
    """Each is off as it stands here. They may be changed while the board runs.

    Attributes:
        rom_resets: so many of the next starts of the ROM end in a reset of the chip: the crystal
            was measured wrong.
        leave: see `Leave`.
        stall_block: the block of a download, counted from 0 over all downloads, that is stalled.
        slow_erase: erasing takes that many times as long as the ROM says.
        pull_after: the cable is pulled when so many bytes have been downloaded.
        no_permission: the file of the DFU device may not be opened by an ordinary user.
        twin: a second DFU device with the same serial number is there while the ROM is.
        modem_manager_s: a program like ModemManager locks each new serial port for so many
            seconds, and sends AT to it.
    """

    rom_resets: int = 0
    leave: Leave = Leave.USUAL
    stall_block: int | None = None
    slow_erase: float = 1.0
    pull_after: int | None = None
    no_permission: bool = False
    twin: bool = False
    modem_manager_s: float = 0.0

    @classmethod
    def one_of_them(cls, seed: int, size: int = 300_000) -> Faults:
        """One fault, chosen by `seed`, with a place within a download of `size` bytes."""
        dice = random.Random(seed)
        values: dict[str, object] = {
            "rom_resets": dice.randint(1, 3),
            "leave": dice.choice([leave for leave in Leave if leave is not Leave.USUAL]),
            "stall_block": dice.randrange(max(size // 2048, 1)),
            "slow_erase": dice.uniform(2, 8),
            "pull_after": dice.randrange(size),
            "no_permission": True,
            "twin": True,
            "modem_manager_s": dice.uniform(0.5, 3),
        }
        faults = cls()
        name = dice.choice([field.name for field in fields(cls)])
        setattr(faults, name, values[name])
        return faults

    @classmethod
    def parse(cls, words: list[str]) -> Faults:
        """From a command line: NAME or NAME=VALUE with the names above, or seed=NUMBER for
        `one_of_them`. Raises ValueError with a sentence."""
        faults = cls()
        for word in words:
            name, _, text = word.partition("=")
            name = name.replace("-", "_")
            try:
                if name == "seed":
                    return cls.one_of_them(int(text))
                setattr(faults, name, _VALUES[name](text))
            except (KeyError, ValueError):
                raise ValueError(f"{word} is no fault of USB: {_HELP}") from None
        return faults

    def __str__(self) -> str:
        plain = Faults()
        pairs = [(f.name, getattr(self, f.name)) for f in fields(self)]
        return ", ".join(
            f"{name.replace('_', '-')}={value.value if isinstance(value, Leave) else value}"
            for name, value in pairs
            if value != getattr(plain, name)
        )


_VALUES: dict[str, Callable[[str], object]] = {
    "rom_resets": int,
    "leave": Leave,
    "stall_block": int,
    "slow_erase": float,
    "pull_after": int,
    "no_permission": lambda _: True,
    "twin": lambda _: True,
    "modem_manager_s": float,
}
_HELP = (
    "there are rom-resets=COUNT, leave=goes-first or stalls or stays, stall-block=NUMBER, "
    "slow-erase=FACTOR, pull-after=BYTES, no-permission, twin, modem-manager-s=SECONDS, and "
    "seed=NUMBER, which chooses one of them"
)
