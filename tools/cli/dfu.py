"""USB devices that a board in its ROM becomes, as Linux lists them; elsewhere none is seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/bus/usb/devices")
ID = ("0483", "df11")  # AN2606: the DFU device of every ROM of ST


@dataclass(frozen=True)
class Device:
    """Where it is plugged in, such as 1-2, and what it calls itself."""

    where: str
    product: str

    def __str__(self) -> str:
        return f"USB DFU device {ID[0]}:{ID[1]} ({self.product or 'without a name'})"


def devices() -> set[Device]:
    """Those that are there now."""
    found: set[Device] = set()
    for folder in SYSFS.glob("*"):
        if (_read(folder / "idVendor"), _read(folder / "idProduct")) == ID:
            found.add(Device(folder.name, _read(folder / "product")))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
