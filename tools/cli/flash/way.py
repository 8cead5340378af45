"""From the prompt into the ROM, again if the ROM does not stay."""

from __future__ import annotations

import argparse
import contextlib
import time

from .. import dfu, target
from ..arriving import BackError, Watch
from ..board import Board, RefusedError
from ..errors import CliError
from ..prompt import Prompt
from .codes import Code, FlashError
from .report import Report
from .uart import UartRom


def by_uart(
    prompt: Prompt,
    port: str,
    args: argparse.Namespace,
    report: Report,
    stack: contextlib.ExitStack,
) -> UartRom:
    """The ROM that answers at this port, once the board has left the prompt.

    Args:
        prompt: it is closed then.
        stack: closes the port of the ROM.

    Raises:
        FlashError: the board does not go, or comes back each time, or the ROM does not answer.
    """
    for attempt in range(1, args.tries + 1):
        if attempt > 1:
            prompt = Prompt(prompt.port)
        try:
            _leave(prompt, args)
            report.state("left", f"{prompt.port}: the board has left its prompt", attempt=attempt)
            began = time.monotonic()
            rom = _answering(prompt, port, stack)
        except BackError as error:
            report.warn(f"try {attempt} of {args.tries}: {error}")
        else:
            report.state("ROM", f"{rom}, after {time.monotonic() - began:.1f} s", **_facts(rom))
            return rom
        finally:
            prompt.close()
    raise FlashError(
        Code.NOT_ENTERED,
        f"the board left MicroPython, and its prompt came back, as often as it was tried "
        f"({args.tries}): the ROM did not stay. {target.WHY}: try again, with more --tries",
    )


def _leave(prompt: Prompt, args: argparse.Namespace) -> None:
    try:
        Board(prompt).leave(force=args.force)
    except BackError:
        raise
    except RefusedError as error:
        raise FlashError(Code.REFUSED, str(error)) from error
    except CliError as error:
        raise FlashError(Code.NOT_ENTERED, str(error)) from error


def _answering(prompt: Prompt, port: str, stack: contextlib.ExitStack) -> UartRom:
    watch = Watch(prompt, port, dfu.devices())
    try:
        return UartRom(stack.enter_context(watch.answering(port)), port)
    except BackError:
        raise
    except CliError as error:
        raise FlashError(
            Code.NO_ROM, f"the board has left MicroPython, and its prompt is gone, but {error}"
        ) from error


def _facts(rom: UartRom) -> dict[str, object]:
    return {"interface": "UART", "port": rom.port, "dev_id": f"0x{rom.dev_id:03X}"}
