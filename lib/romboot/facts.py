# info(): what the chip and its ROM are, in words.

from binascii import hexlify

from machine import mem8, mem16, mem32

from . import checks, chip

# The first digit of the bootloader ID: what the ROM listens on, beside its version. AN2606 4.2.
_ID = (
    "",
    "one USART",
    "two USARTs",
    "USART, CAN, DFU",
    "USART, DFU",
    "USART, I2C",
    "I2C",
    "USART, CAN, DFU, I2C",
    "I2C, SPI",
    "USART, CAN or FDCAN, DFU, I2C, SPI",
    "USART, I2C, DFU",
    "USART, I2C, SPI",
    "USART, SPI",
    "USART, DFU, I2C, SPI",
    "USART, DFU, I2C, I3C, FDCAN, SPI",
    "USART, DFU, I2C, I3C",
)

_RDP = (
    "level 0: open",
    "level 1: the ROM reads and writes only after an unprotect, which erases the flash",
    "level 2: the ROM can do nothing",
)

# Of the F4, AN2606 names one ROM that cannot lift PCROP (13.0 of F401xB/xC, table 78) and one that
# can (9.1 of F42x/F43x, table 92), and is silent about the others.
PCROP = (
    "PCROP (FLASH_OPTCR.SPRMOD) is on: the ROM cannot read, write or erase the sectors under it. "
    "Only a readout regression from level 1 to 0 lifts it, which erases the flash"
)


class Info:
    """Facts read from the chip.

    name, dev_id, rev_id; flash_kib, KiB; uid, 12 bytes; rom, its address; id, the bootloader ID
    byte (AN2606 4.2); interfaces, where the ROM listens; rdp, 0 to 2; pcrop, True if on.
    """

    def __init__(self):
        self.chip = chip.find()
        family = self.chip.family
        facts = family.facts()
        die = facts.DIES[self.chip.dev_id]
        self.name = die[0]
        self.dev_id = self.chip.dev_id
        self.rev_id = self.chip.rev_id
        self.flash_kib = mem16[family.FLASH_SIZE]
        self.uid = bytes(mem8[facts.UNIQUE_ID + i] for i in range(12))
        self.rom = family.VECTORS
        self.id = mem8[die[1]]
        self.interfaces = die[2]
        self.rdp = checks.rdp_level(self.chip)
        self.pcrop = checks.pcrop(self.chip)

    def table(self):
        """The facts, a line each."""
        start = mem32[self.rom + 4] & 0xFFFFFFFF
        digit = self.id >> 4
        lines = [
            ("chip", "%s, DEV_ID 0x%03X, REV_ID 0x%04X" % (self.name, self.dev_id, self.rev_id)),
            ("flash", "%d KiB" % self.flash_kib),
            ("unique ID", hexlify(self.uid).decode()),
            ("ROM", "0x%08X, starts at 0x%08X" % (self.rom, start)),
            ("ROM ID", "0x%02X: %s; version %d" % (self.id, _ID[digit], self.id & 15)),
            ("protection", _RDP[self.rdp]),
        ]
        if self.pcrop:
            lines.append(("", PCROP))
        for i, interface in enumerate(self.interfaces.split(", ")):
            lines.append(("listens on" if i == 0 else "", interface))
        lines.append(("USB DFU", "needs " + self.chip.family.facts().USB_CLOCK))
        return "\n".join("%-11s %s" % line for line in lines)

    def __repr__(self):
        return "<%s, ROM 0x%08X, ID 0x%02X>" % (self.name, self.rom, self.id)
