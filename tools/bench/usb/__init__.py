"""USB for virtual boards, without a kernel module, root rights or C: Linux only.

Debian's umockdev has a library that is loaded before a program (LD_PRELOAD) and shows it another
/sys, another /dev, and the hot-plug events of another udevd. What it shows is made here. So
unmodified programs (dfu-util, mpremote, pyserial, pyudev, pydfu) find the virtual boards.

    device.py, dfu_device.py, cdc_device.py   what is on the cable: descriptors and requests
    bus.py, uevent.py, usbdevfs.py            what a program sees of it
    connector.py, faults.py                   which device a board is, when; what goes wrong
    board.py                                  boards that run, with their USB

The application's port is a bridge to the console USART of the board: the bench firmware has no
USB driver, and the OTG core is not modelled beyond what a driver needs to initialise it.

Limits: statically linked programs and those with their own system calls (Go, Rust) see the real
machine. Two programs that run at the same time each need an environment of their own
(`Bus.environment`), or one of them may miss hot-plug events. libusb-package brings a libusb
without udev, which hears none: use that of the distribution.
"""
