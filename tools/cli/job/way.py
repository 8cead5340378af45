"""From the prompt into the ROM."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol, TypeVar

from ...tables.family import Die
from ..errors import CliError, Code, Next, command_line
from ..hosted.calls import Hosted, RefusedError
from ..hosted.entering import BANNERS, BackError
from ..port import places
from ..port.places import Place
from ..port.prompt import Prompt
from ..rom import dfu, usb
from ..rom.uart import UartRom
from ..rom.usb import UsbRom
from .arriving import Watch
from .asked import AtPrompt

LOOK_S = 0.05

# What refusals name, and options of `romboot enter`.
INSTEAD = {"--force": ("--force",), "via='jump'": ("--via", "jump")}
ALL_THE_SAME = "To enter the ROM all the same; the command that was typed goes on from there"
RESETS = {  # a ROM that resets the chip, by report: DEV_ID
    0x413: "The ROM of an STM32F405, 407, 415 or 417 does that now and then when it measures a "
    "crystal of more than 8 MHz; another try may succeed"
}
NO_REPORT = (
    "Of the ROM of an {} nobody reports that: is the power supply weak, or does something pull "
    "the reset pin?"
)


class Seen(Protocol):
    """What was seen of a ROM. str(): for people; facts: for scripts."""

    facts: dict[str, object]


S = TypeVar("S", bound=Seen)


def came_back(tries: int, die: Die) -> BackError:
    """The prompt is there again after each of so many tries."""
    return BackError(
        "the board left MicroPython, and its prompt came back, as often as it was tried "
        f"({tries}): something has reset the chip. "
        f"{RESETS.get(die.dev_id) or NO_REPORT.format(die.name)}",
        ways=[(("--tries", str(2 * tries)), "To try more often")],
    )


# --- at the prompt -----------------------------------------------------------------------------


def hosted(prompt: Prompt, board: AtPrompt) -> Hosted:
    """The library for this board, which has been asked."""
    return Hosted(prompt, (board.family, board.die, board.idcode), board.who)


def check(prompt: Prompt, board: AtPrompt, port: str | None) -> None:
    """The checks of enter(): CliError if the board would not go. port: where its ROM answers."""
    with _refusals(prompt, port):
        hosted(prompt, board).check()


def enter(prompt: Prompt, board: AtPrompt, port: str | None, via: str | None) -> None:
    """On its way, with nothing of romboot on the board."""
    with _refusals(prompt, port):
        hosted(prompt, board).enter(via=via)


@contextlib.contextmanager
def _refusals(prompt: Prompt, port: str | None) -> Iterator[None]:
    """The library's words for its arguments become those of `romboot enter`: the commands of this
    package have no option that overrides a refusal of the way in."""
    try:
        yield
    except BackError:
        raise
    except RefusedError as error:
        said = str(error)
        ways: list[Next] = []
        for argument, options in INSTEAD.items():
            if argument in said:
                said = said.replace(argument, f"`romboot enter {' '.join(options)}`")
                rom = ("--rom", port) if port else ()
                words = ("enter", "--device", prompt.port, *rom, *options)
                ways.append(Next(command_line(*words), ALL_THE_SAME))
        raise CliError(said, Code.REFUSED, next=ways) from error
    except CliError as error:
        raise CliError(str(error), Code.NOT_ENTERED) from error


# --- in the ROM --------------------------------------------------------------------------------


def by_uart(prompt: Prompt, port: str, baud: int, stack: contextlib.ExitStack) -> UartRom:
    """The ROM at this port. stack: closes it."""
    watch = Watch(prompt, port, baud)
    try:
        return UartRom(stack.enter_context(watch.answering()), port, baud, stack)
    except BackError:
        raise
    except CliError as error:
        raise CliError(
            f"the board has left MicroPython, and its prompt is gone, but {error}", Code.NO_ROM
        ) from error


def by_usb(prompt: Prompt, place: Place, path: str | None, before: set[str]) -> UsbRom:
    """The ROM at the USB path of the board, or at any where no DFU device was before. A port that
    is open keeps its name, so it is closed, or the board gets another one."""
    if prompt.gone or place.usb:
        prompt.close()
    gone = False

    def meanwhile() -> None:
        nonlocal gone
        if place.usb is None:
            if any(banner in prompt.listen(LOOK_S) for banner in BANNERS):
                raise BackError("the prompt is back")
        elif places.device_at(place.usb) is None:
            gone = True
        elif gone:
            raise BackError(f"the port at USB {place.usb} went, and is back")

    return usb.wait(place.usb or path, before, meanwhile)


def usb_paths() -> set[str]:
    """Where DFU devices are now."""
    return {device.where for device in dfu.devices()}
