"""Whether a board that has left its prompt stays in the ROM, or is back.

Some ROMs measure their crystal wrong now and then and reset the chip: that of the F405 and F407
does with one of more than 8 MHz, by report. Then the application starts again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from stm32loader.bootloader import Stm32Bootloader

from ..hosted.entering import BANNERS, BackError
from ..port.ports import exists, same
from ..port.prompt import Prompt
from ..rom import dfu, serial_rom

BACK_S = 2.0  # within which an application that was started again shows its prompt
LISTENS_S = 3.5  # that of an L47x without a crystal on LSE takes 2.56 s (AN2606 rev 70 table 227)
LOOK_S = 0.1  # between two looks


class Watch:
    """A board after `entering.enter`, until it is known where it is.

    Args:
        prompt: left, and still open.
        port: where its ROM answers, None if nobody knows. It may be the port of the prompt.
        baud: rate there.
    """

    def __init__(self, prompt: Prompt, port: str | None, baud: int = serial_rom.BAUD) -> None:
        self._prompt, self._port, self._baud = prompt, port, baud
        self._one_cable = port is not None and same(port, prompt.port)
        self._said = b""

    @contextlib.contextmanager
    def answering(self) -> Iterator[Stm32Bootloader]:
        """The ROM, as soon as it answers at its port.

        Raises:
            BackError: the prompt is back.
            CliError: the ROM does not answer, or later refuses a command.
        """
        assert self._port
        if self._prompt.gone:
            time.sleep(BACK_S)  # a ROM must not be asked before it listens
        if self._one_cable:
            self._prompt.close()
        with serial_rom.connected(self._port, LISTENS_S, self._heard, self._baud) as loader:
            yield loader

    def silence(self, before: set[dfu.Device], where: str | None) -> dfu.Device | None:
        """Wait for longer than a ROM takes to start, but for that of LISTENS_S, or until a DFU
        device comes that was not there before. BackError if the prompt is back. where: the USB
        path, if it is known."""
        end = time.monotonic() + BACK_S
        while time.monotonic() < end:
            for device in dfu.devices() - before:
                if where in (None, device.where):
                    return device
            self._heard(b"")
        return None

    def _heard(self, others: bytes) -> None:
        """What came at the port of the ROM, and what now comes at that of the prompt."""
        self._said += others
        if self._prompt.gone:
            time.sleep(LOOK_S)
            if exists(self._prompt.port):
                raise BackError(f"{self._prompt.port} went, and is back")
        elif not self._one_cable:
            self._said += self._prompt.listen(LOOK_S, *BANNERS)
            if self._prompt.gone:
                self._prompt.close()  # or the board gets another name when it comes back
        if any(banner in self._said for banner in BANNERS):
            raise BackError("the prompt is back")
