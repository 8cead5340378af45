"""USB devices that a board in its ROM becomes: as Linux lists them, elsewhere as dfu-util does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import CliError
from . import dfu_util

SYSFS = Path("/sys/bus/usb/devices")
ID = ("0483", "df11")  # AN2606: the DFU device of every ROM of ST


@dataclass(frozen=True)
class Device:
    """Where it is plugged in, such as 1-2, and what it calls itself."""

    where: str
    product: str

    def __str__(self) -> str:
        name = self.product or "without a name"
        return f"USB DFU device {ID[0]}:{ID[1]} ({name}) at USB {self.where}"


def devices() -> set[Device]:
    """Those that are there now. Where only dfu-util could tell and is not installed, none."""
    if SYSFS.exists():
        return {
            Device(folder.name, _read(folder / "product"))
            for folder in SYSFS.glob("*")
            if (_read(folder / "idVendor"), _read(folder / "idProduct")) == ID
        }
    if not dfu_util.is_installed():
        return set()
    try:
        found = dfu_util.devices()
    except CliError:  # one that may not be opened
        return set()
    return {Device(d.path, f"serial number {d.serial}") for d in found if d.is_rom}


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
