"""From the prompt into the ROM, again if the ROM does not stay."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator

from .. import dfu, leaving, target
from ..arriving import BANNERS, BackError, Watch
from ..board import Board, RefusedError
from ..errors import CliError, Next, command_line
from ..prompt import BoardError, Prompt
from . import places, usb
from .codes import Code, FlashError
from .places import Place
from .report import Report
from .rom import Rom
from .uart import UartRom
from .usb import UsbRom

LOOK_S = 0.05
CHECK = "import romboot; romboot.plan().check()"  # by a library that is on the board

# What refusals name, and options of `romboot enter`.
INSTEAD = {"--force": ("--force",), "via='jump'": ("--via", "jump")}
ALL_THE_SAME = "To enter the ROM all the same; the command that was typed goes on from there"


def into_rom(
    prompt: Prompt,
    place: Place,
    port: str | None,
    args: argparse.Namespace,
    report: Report,
    stack: contextlib.ExitStack,
) -> Rom:
    """The ROM, once the board has left its prompt.

    Args:
        prompt: it is closed then.
        place: where the board is.
        port: where its ROM answers; None: on USB.
        stack: closes what is opened here.

    Raises:
        FlashError: the board does not go, or comes back each time, or there is no ROM.
    """
    back: BackError | None = None
    for attempt in range(1, args.tries + 1):
        if attempt > 1:
            prompt = _prompt_again(prompt.port, place)
        before = {device.where for device in dfu.devices()}
        try:
            _leave(prompt, port, getattr(args, "via", None))
            report.state("left", f"{prompt.port}: the board has left its prompt", attempt=attempt)
            began = time.monotonic()
            rom = (
                _by_uart(prompt, port, args.baud, stack)
                if port
                else _by_usb(prompt, place, before, args.usb)
            )
        except BackError as error:
            back = error
            report.warn(f"try {attempt} of {args.tries}: {error}")
        else:
            report.state("ROM", f"{rom}, after {time.monotonic() - began:.1f} s", **rom.facts)
            return rom
        finally:
            prompt.close()
    raise FlashError(
        Code.NOT_ENTERED,
        f"the board left MicroPython, and its prompt came back, as often as it was tried "
        f"({args.tries}): the ROM did not stay. {target.WHY}: try again, with more --tries",
    ) from back


def _prompt_again(port: str, place: Place) -> Prompt:
    """A port of USB may have another name now."""
    return Prompt((places.device_at(place.usb) if place.usb else None) or port)


def check(prompt: Prompt, port: str | None) -> None:
    """The checks of into_rom() at the prompt: FlashError if the board would not go.

    port: where its ROM answers.
    """
    with _refusals(prompt, port):
        try:
            Board(prompt).check()
        except RefusedError as error:
            _by_library(prompt, error, lambda: prompt.run(CHECK))


def _leave(prompt: Prompt, port: str | None, via: str | None) -> None:
    """Without anything on the board. If that cannot be, as its heap is where no code can run, by a
    library that is frozen in."""
    code = target.INSTALLED.format(False, via)
    with _refusals(prompt, port):
        try:
            Board(prompt).leave(via=via)
        except RefusedError as error:
            _by_library(prompt, error, lambda: leaving.leave(prompt, code, None))


def _by_library(prompt: Prompt, refused: RefusedError, use: Callable[[], object]) -> None:
    try:
        prompt.restart()
        use()
    except BoardError:
        raise refused from None


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
        raise FlashError(Code.REFUSED, said, next=ways) from error
    except CliError as error:
        raise FlashError(Code.NOT_ENTERED, str(error)) from error


def _by_uart(prompt: Prompt, port: str, baud: int, stack: contextlib.ExitStack) -> UartRom:
    watch = Watch(prompt, port, dfu.devices(), baud)
    try:
        return UartRom(stack.enter_context(watch.answering(port)), port, baud, stack)
    except BackError:
        raise
    except CliError as error:
        raise FlashError(
            Code.NO_ROM, f"the board has left MicroPython, and its prompt is gone, but {error}"
        ) from error


def _by_usb(prompt: Prompt, place: Place, before: set[str], path: str | None) -> UsbRom:
    """A port that is open keeps its name, so it is closed, or the board gets another one."""
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
