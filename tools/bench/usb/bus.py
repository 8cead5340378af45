"""A USB bus with one root hub: what is plugged in, as sysfs, /dev and udevd show it.

Plugging in: first the socket that serves the device file, then sysfs and the file, then the
event. Pulling out: the open files answer ENODEV, then sysfs and the file go, then the event.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import uevent
from .cdc_device import PORT_INTERFACE
from .device import Identity, UsbDevice, interfaces_of
from .tree import LIBRARY, Tree
from .usbdevfs import Files, serve_other_file

BUS = 1
HUB = "usb1"
HUB_SYSFS = f"devices/pci0000:00/0000:00:14.0/{HUB}"  # below /sys
HUB_IDENTITY = Identity(
    0x1D6B, 0x0002, 0x0602, (9, 0, 1), "romboot", "virtual host controller", "0000:00:14.0"
)
HUB_INTERFACE = bytes.fromhex("0904000001090000000705810304000c")  # USB 2.0 11.23.1
USB_MAJOR, TTY_MAJOR = 189, 166  # device numbers of the kernel
FULL_SPEED, HIGH_SPEED = "12", "480"


@dataclass
class Port:
    """The serial port of a device: its name in /dev, and the terminal that it is."""

    name: str
    terminal: str

    @property
    def number(self) -> str:
        """MAJOR:MINOR."""
        return f"{TTY_MAJOR}:{self.name.removeprefix('ttyACM')}"


@dataclass
class Plugged:
    """A device in the bus.

    Attributes:
        path: such as "1-2"; what `dfu-util -p` takes.
        number: the device number, a new one each time something is plugged in.
    """

    device: UsbDevice
    path: str
    number: int
    files: Files
    port: Port | None = None
    others: list[str] = field(default_factory=list)
    """Links to it outside its own directory."""

    @property
    def sysfs(self) -> str:
        return HUB_SYSFS if self.path == HUB else f"{HUB_SYSFS}/{self.path}"

    @property
    def node(self) -> str:
        return f"bus/usb/{BUS:03d}/{self.number:03d}"


class Bus:
    """Where boards are plugged in. Methods may be called by any thread."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._lock = threading.RLock()
        self._number = 1
        self._sequence = 0
        self._ports: set[str] = set()
        self._given = False
        self.tree.listen("ioctl/_default", serve_other_file)
        hub = UsbDevice(HUB_IDENTITY, HUB_INTERFACE, (0xE0, 0))
        self._show(Plugged(hub, HUB, self._number, Files(hub)), HIGH_SPEED)

    def environment(self) -> dict[str, str]:
        """The variables with which a program sees this bus; each call gives a directory that no
        other program has."""
        with self._lock:
            root = self.tree.new_root() if self._given else self.tree.root
            self._given = True
        return {"LD_PRELOAD": LIBRARY, "UMOCKDEV_DIR": str(root)}

    def close(self) -> None:
        self.tree.close()

    # --- plugging in, pulling out --------------------------------------------------------------

    def plug(
        self, device: UsbDevice, path: str, terminal: str = "", *, mode: int | None = None
    ) -> Plugged:
        """The device appears.

        Args:
            device: what is plugged in.
            path: where, such as "1-2".
            terminal: of a serial device, the terminal that its port is.
            mode: of the device file, if programs may not open it.
        """
        with self._lock:
            self._number += 1
            plugged = Plugged(device, path, self._number, Files(device))
            self.tree.listen(f"ioctl/dev/{plugged.node}", plugged.files.serve)
            self._show(plugged, FULL_SPEED, mode)
            self._event("add", plugged.sysfs, "usb", _properties(plugged))
            if terminal:
                self._plug_port(plugged, terminal)
            return plugged

    def unplug(self, plugged: Plugged) -> None:
        """The device disappears."""
        plugged.files.unplug()
        with self._lock:
            if plugged.port:
                self._unplug_port(plugged, plugged.port)
            for path in (*plugged.others, f"ioctl/dev/{plugged.node}", f"sys/{plugged.sysfs}"):
                self.tree.remove(path)
            self._event("remove", plugged.sysfs, "usb", _properties(plugged))

    def _show_interface(self, plugged: Plugged, number: int, kind: bytes) -> None:
        name = f"{plugged.path}:1.{number}"
        folder = f"sys/{plugged.sysfs}/{name}"
        self.tree.write(f"{folder}/bInterfaceNumber", f"{number:02x}")
        for key, value in zip(("Class", "SubClass", "Protocol"), kind, strict=True):
            self.tree.write(f"{folder}/bInterface{key}", f"{value:02x}")
        self.tree.write(f"{folder}/uevent", "DEVTYPE=usb_interface")
        self.tree.link(f"{folder}/subsystem", _up(folder, "bus/usb"))
        plugged.others.append(f"sys/bus/usb/devices/{name}")
        self.tree.link(plugged.others[-1], f"../../../{plugged.sysfs}/{name}")

    def _show(self, plugged: Plugged, speed: str, mode: int | None = None) -> None:
        """sysfs and the device file."""
        device, number = plugged.device, plugged.number
        folder = f"sys/{plugged.sysfs}"
        descriptors = device.device_descriptor + device.configuration
        interfaces = interfaces_of(device.configuration)
        device_number = f"{USB_MAJOR}:{number - 1}"
        attributes = {
            "idVendor": f"{device.identity.vendor:04x}",
            "idProduct": f"{device.identity.product:04x}",
            "bcdDevice": f"{device.identity.version:04x}",
            "manufacturer": device.identity.manufacturer,
            "product": device.identity.name,
            "serial": device.identity.serial,
            "busnum": str(BUS),
            "devnum": str(number),
            "devpath": plugged.path.partition("-")[2] or "0",
            "speed": speed,
            "bConfigurationValue": "1",
            "bNumConfigurations": "1",
            "bNumInterfaces": f"{len(interfaces):2d}",
            "dev": device_number,
            "uevent": _lines(_properties(plugged)),
        }
        for key, value in attributes.items():
            self.tree.write(f"{folder}/{key}", value)
        self.tree.write(f"{folder}/descriptors", descriptors)
        self.tree.link(f"{folder}/subsystem", _up(folder, "bus/usb"))
        for interface, kind in interfaces:
            self._show_interface(plugged, interface, kind)
        self.tree.write(f"dev/{plugged.node}", descriptors, mode)
        links = {
            f"dev/.node/{plugged.node.replace('/', '_')}": device_number,
            f"sys/dev/char/{device_number}": f"../../{plugged.sysfs}",
            f"sys/bus/usb/devices/{plugged.path}": f"../../../{plugged.sysfs}",
        }
        for path, target in links.items():
            self.tree.link(path, target)
        plugged.others += [*links, f"dev/{plugged.node}"]

    # --- serial ports --------------------------------------------------------------------------

    def _plug_port(self, plugged: Plugged, terminal: str) -> None:
        name = next(n for i in range(100) if (n := f"ttyACM{i}") not in self._ports)
        port = plugged.port = Port(name, terminal)
        self._ports.add(name)
        folder = f"sys/{self._port_sysfs(plugged, port)}"
        self.tree.write(f"{folder}/dev", port.number)
        self.tree.write(f"{folder}/uevent", _lines(_port_properties(port)))
        self.tree.link(f"{folder}/device", f"../../../{plugged.path}:1.{PORT_INTERFACE}")
        self.tree.link(f"{folder}/subsystem", _up(folder, "class/tty"))
        sysfs = folder.removeprefix("sys/")
        for path, target in {
            f"sys/class/tty/{name}": f"../../{sysfs}",
            f"sys/dev/char/{port.number}": f"../../{sysfs}",
            f"dev/.node/{name}": port.number,
            f"dev/.ptymap/{terminal.replace('/', '_')}": port.number,
            f"dev/{name}": terminal,
        }.items():
            self.tree.link(path, target)
        self._event("add", sysfs, "tty", _port_properties(port))

    def _unplug_port(self, plugged: Plugged, port: Port) -> None:
        sysfs = self._port_sysfs(plugged, port)
        self._ports.discard(port.name)
        for path in (
            f"dev/{port.name}",
            f"dev/.ptymap/{port.terminal.replace('/', '_')}",
            f"dev/.node/{port.name}",
            f"sys/dev/char/{port.number}",
            f"sys/class/tty/{port.name}",
            f"sys/{sysfs}",
        ):
            self.tree.remove(path)
        self._event("remove", sysfs, "tty", _port_properties(port))

    def _port_sysfs(self, plugged: Plugged, port: Port) -> str:
        return f"{plugged.sysfs}/{plugged.path}:1.{PORT_INTERFACE}/tty/{port.name}"

    # --- events --------------------------------------------------------------------------------

    def _event(
        self, action: str, sysfs: str, subsystem: str, properties: Mapping[str, str]
    ) -> None:
        self._sequence += 1
        first = {"ACTION": action, "DEVPATH": f"/{sysfs}", "SUBSYSTEM": subsystem}
        device = {"DEVNAME": f"/dev/{properties['DEVNAME']}", "SEQNUM": str(self._sequence)}
        self.tree.send(uevent.message({**first, **properties, **device}))


def _up(folder: str, target: str) -> str:
    """The text of a link in a folder of sysfs to something below /sys."""
    return "../" * folder.count("/") + target


def _lines(properties: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in properties.items())


def _properties(plugged: Plugged) -> dict[str, str]:
    identity = plugged.device.identity
    return {
        "MAJOR": str(USB_MAJOR),
        "MINOR": str(plugged.number - 1),
        "DEVNAME": plugged.node,
        "DEVTYPE": "usb_device",
        "PRODUCT": f"{identity.vendor:x}/{identity.product:x}/{identity.version:x}",
        "BUSNUM": f"{BUS:03d}",
        "DEVNUM": f"{plugged.number:03d}",
    }


def _port_properties(port: Port) -> dict[str, str]:
    major, minor = port.number.split(":")
    return {"MAJOR": major, "MINOR": minor, "DEVNAME": port.name}
