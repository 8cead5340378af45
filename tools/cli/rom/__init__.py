"""A ROM that answers, at a serial port (`uart`) or on USB (`usb`); what it can is in `rom`. Below
these: the programs that talk to it, what is in a firmware file, and which sectors that needs."""
