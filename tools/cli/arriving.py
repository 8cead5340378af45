"""Whether a board that has left its prompt stays in the ROM, or is back.

Some ROMs measure their crystal wrong now and then and reset the chip: that of the F405 and F407
does with one of more than 8 MHz, by report. Then the application starts again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from stm32loader.bootloader import Stm32Bootloader

from . import dfu, rom
from .errors import CliError
from .prompt import Prompt, is_there

BACK_S = 2.0  # within which an application that was started again shows its prompt
LOOK_S = 0.1  # between two looks
LEFT = "The board has left MicroPython for its ROM bootloader"
WHERE = "The ROM itself was not asked: with --rom PORT its answer is waited for."
BANNERS = (b">>> ", b"MicroPython v")


class BackError(CliError):
    """The prompt is there again."""


class Watch:
    """A board after `leaving.leave`, until it is known where it is.

    Args:
        prompt: left, and still open.
        rom_port: where its ROM answers, None if nobody said. It may be the port of the prompt.
        before: the DFU devices that were there when the board was at its prompt.
        baud: rate at rom_port.
    """

    def __init__(
        self,
        prompt: Prompt,
        rom_port: str | None,
        before: set[dfu.Device],
        baud: int = rom.BAUD,
    ) -> None:
        self._prompt = prompt
        self._rom_port = rom_port
        self._before = before
        self._one_cable = rom_port == prompt.port
        self._said = b""
        self._baud = baud

    def wait(self) -> str:
        """Until the ROM listens; a sentence about what was seen.

        Raises:
            BackError: the prompt is back.
            CliError: it is not, but the ROM does not answer at the port where it should.
        """
        if self._rom_port is None:
            return self._silence()
        try:
            with self.answering(self._rom_port) as loader:
                said = rom.describe(loader)
        except BackError:
            raise
        except CliError as error:
            raise CliError(
                f"the board has left MicroPython and its prompt is gone, but {error} Reset the "
                "board to get the prompt back"
            ) from error
        return f"The ROM bootloader answers on {self._rom_port}: {said}"

    @contextlib.contextmanager
    def answering(self, port: str) -> Iterator[Stm32Bootloader]:
        """The ROM, as soon as it answers at this port.

        Raises:
            BackError: the prompt is back.
            CliError: the ROM does not answer, or later refuses a command.
        """
        if self._prompt.gone:
            time.sleep(BACK_S)  # a ROM must not be asked before it listens
        if self._one_cable:
            self._prompt.close()
        with rom.connected(port, BACK_S, self._heard, self._baud) as loader:
            yield loader

    def _silence(self) -> str:
        """Longer than the start of any ROM takes (rom.START_S)."""
        end = time.monotonic() + BACK_S
        while time.monotonic() < end:
            if new := dfu.devices() - self._before:
                return f"The board is in its ROM bootloader: a {new.pop()} has come."
            self._heard(b"")
        if self._prompt.gone:
            return (
                f"{LEFT}: its port {self._prompt.port} has gone, and does not come back. {WHERE}"
            )
        return f"{LEFT}: its prompt does not come back. {WHERE}"

    def _heard(self, others: bytes) -> None:
        """What came at the port of the ROM, and what now comes at that of the prompt."""
        self._said += others
        if self._prompt.gone:
            time.sleep(LOOK_S)
            if is_there(self._prompt.port):
                raise BackError(f"{self._prompt.port} went, and is back")
        elif not self._one_cable:
            self._said += self._prompt.listen(LOOK_S, *BANNERS)
            if self._prompt.gone:
                self._prompt.close()  # or the board gets another name when it comes back
        if any(banner in self._said for banner in BANNERS):
            raise BackError("the prompt is back")
