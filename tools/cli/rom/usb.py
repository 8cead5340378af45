"""A ROM on USB, by dfu-util."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...tables.family import Die, Family
from ..errors import CliError, Code, GoneError
from ..report import Progress, Report, number, size
from . import dfu, dfu_util
from .geometry import KIB, Sector
from .plan import Plan
from .rom import Pause

HERE_S = 10.0  # from the end of the prompt until the device must be there; Windows is slow
LOOK_S = 0.02  # between two looks
UNITS = {"K": KIB, "M": KIB * KIB}
PART = re.compile(r"(\d+)\*(\d+)([KM ]?)[a-g]")  # UM0424 10.3.2: number * size, unit, what it can


class UsbRom:
    """The ROM at a USB path."""

    verb = "request to leave, to"
    chip: tuple[Family, Die] | None = None

    def __init__(self, device: dfu_util.Device) -> None:
        self.path = device.path
        self._layout = device.alts.get(0, "")
        self._name = str(device)
        self.facts: dict[str, object] = {
            "interface": "USB", "usb": device.path, "serial": device.serial,
            "version": device.version, "alts": [*device.alts.values()],
        }  # fmt: skip

    def __str__(self) -> str:
        return f"DFU, {self._name}"

    def sectors(self) -> tuple[Sector, ...]:
        """As the name of its first alternate setting tells."""
        return tuple(_sectors(self._layout))

    def write(self, plan: Plan, report: Report, pause: Pause) -> None:
        """dfu-util erases the sectors of an element, then writes that."""
        pieces, clock = plan.elements, _Clock()
        area, total = sum(s.size for s in plan.sectors), sum(len(data) for _, data in pieces)
        erase = ["-s", ":mass-erase:force"] if plan.whole else []
        report.begins("writing", "with dfu-util, which erases on its way")
        with (
            tempfile.TemporaryDirectory() as folder,
            report.meter("erase, write", 2 * total) as bar,
        ):
            path = Path(folder) / "firmware.dfu"
            path.write_bytes(dfu_util.file(pieces))
            words = [*erase, "-D", str(path)]
            self._run(words, lambda what, n: bar(clock.note(what, n)), pause)
        erased, written = number(len(plan.sectors), "sector"), plan.image.size
        report.took("erase", erased, clock.seconds["Erase"], bytes=area)
        report.took("write", size(written), clock.seconds["Download"], bytes=written)

    def read(self, address: int, length: int, progress: Progress) -> bytes:
        """What is there."""
        before = 0

        def moved(_what: str, done: int) -> None:
            nonlocal before
            progress(done - before)
            before = done

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "read.bin"
            self._run(["-s", f"0x{address:08X}:{length}", "-U", str(path)], moved, _go_on)
            return path.read_bytes()

    def leave(self, address: int) -> None:
        """dfu-util takes :leave with an upload too."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "read.bin")
            words = ["-s", f"0x{address:08X}:4:leave", "-U", path]
            self._run(words, lambda *_: None, _go_on)

    def reset(self) -> bool:
        """DFU has none."""
        return False

    def is_there(self) -> bool:
        """It is listed at its USB path."""
        return any(device.path == self.path for device in roms())

    def _run(self, words: list[str], moved: dfu_util.Moved, pause: Pause) -> None:
        try:
            dfu_util.run(self.path, words, moved)
        except CliError as error:
            pause()
            if self.is_there():
                raise
            raise GoneError(
                f"the DFU device at {self.path} has gone ({error}): was the cable pulled, or "
                "reset pressed?"
            ) from error


class _Clock:
    """How long dfu-util was at each of what it does, and how many bytes that was."""

    def __init__(self) -> None:
        self.seconds = {"Erase": 0.0, "Download": 0.0}
        self._what, self._done, self._since = "", 0, time.monotonic()

    def note(self, what: str, done: int) -> int:
        """How many bytes more."""
        now = time.monotonic()
        self.seconds[self._what or "Erase"] += now - self._since  # a mass erase has no bar
        new = what != self._what or done < self._done
        more = done if new else done - self._done
        self._what, self._done, self._since = what, done, now
        return more


def _sectors(layout: str) -> Iterator[Sector]:
    """ "@Internal Flash  /0x08000000/04*016Kg,01*064Kg": (number, unit) of equal sectors."""
    number = 0
    _, *areas = layout.split("/")
    for base, parts in zip(areas[::2], areas[1::2], strict=True):
        at = int(base, 16)
        for count, length, unit in PART.findall(parts):
            for _ in range(int(count)):
                sector = Sector(number, at, int(length) * UNITS.get(unit, 1))
                yield sector
                number, at = number + 1, sector.end


def roms() -> list[dfu_util.Device]:
    """DFU devices that are there now; dfu-util is needed only if there is one."""
    may_be_there = dfu.devices() if dfu.SYSFS.exists() else dfu_util.is_installed()
    return dfu_util.devices() if may_be_there else []


def wait(path: str | None, before: set[str], meanwhile: Callable[[], None]) -> UsbRom:
    """The ROM that comes at this USB path, or at any where nothing was before.

    Args:
        meanwhile: is called now and then, and ends the wait by an exception.

    Raises:
        CliError: none comes, or several do.
    """
    end = time.monotonic() + HERE_S
    while time.monotonic() < end:
        there = [d for d in roms() if (d.path == path if path else d.path not in before)]
        if len(there) > 1:
            names = "".join(f"\n  {device}" for device in there)
            raise CliError(f"{len(there)} DFU devices have come:{names}\n", Code.SEVERAL)
        if there:
            return rom(there[0])
        meanwhile()
        time.sleep(LOOK_S)
    raise CliError(
        f"no DFU device came within {HERE_S:.0f} s{f' at USB {path}' if path else ''}. The ROM "
        "needs the USB pins and the crystal that `romboot info` names, and quiet pins of its "
        "other interfaces",
        Code.NO_ROM,
    )


def rom(device: dfu_util.Device) -> UsbRom:
    """The ROM of a device. CliError if that is another bootloader."""
    if not device.is_rom:
        raise CliError(
            f"the DFU device at {device} is not the ROM of the chip but a bootloader of the "
            "board, such as mboot: it has its own way to update",
            Code.REFUSED,
        )
    return UsbRom(device)


def _go_on() -> None:
    pass
