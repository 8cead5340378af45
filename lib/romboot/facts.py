# info(): what the chip and its ROM are, in words.

from binascii import hexlify

from machine import mem8, mem16, mem32

from .chip import find, module

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


def tables(chip):
    """The module with what only plan() and info() need."""
    return module(chip.family.__name__.split(".")[-1] + "_facts")


def die(chip):
    """(name, address of the bootloader ID, where its ROM listens)."""
    facts = tables(chip)
    name, rom_id, interfaces = facts.DIES[chip.number]
    return name, rom_id, facts.INTERFACES[interfaces]


def pcrop(chip):
    """What to say of proprietary code readout protection (PCROP), or "" if it is off."""
    bit, registers, about = tables(chip).PCROP
    for register in registers:
        value = mem32[register]
        # Either a bit, or an area: its first address in bits 11:0, its last in bits 27:16.
        if value & 0xFFF <= value >> 16 & 0xFFF if bit is None else value >> bit & 1:
            return about
    return ""


def cores(chip):
    """(are there two, how that is known), (False, "") if no chip of the family has."""
    check = tables(chip).DUAL_CORE
    if not check:
        return False, ""
    address, mask, value = check
    word = mem32[address] & 0xFFFFFFFF
    if word >> 16 != value >> 16:
        return None, "one or two: the line identifier is 0x%08X, no name" % word
    dual = word & mask == value
    line = word.to_bytes(4, "big").decode()
    return dual, "%s, by the line identifier STM32%s" % ("two" if dual else "one", line)


class Info:
    """Facts read from the chip.

    name, dev_id, rev_id; flash_kib, KiB; uid, 12 bytes; rom, its address; id, the bootloader ID
    byte (AN2606 4.2); interfaces, where the ROM listens; rdp, 0 to 2; pcrop, True if on;
    dual_core, True, False, or None if the chip does not tell.
    """

    def __init__(self):
        self.chip = found = find()
        self.name, rom_id, self.interfaces = die(found)
        self.dev_id = found.idcode & 0xFFF
        self.rev_id = found.idcode >> 16 & 0xFFFF
        self.flash_kib = mem16[found.family.FLASH[1]]
        self.uid = bytes(mem8[at + i] for at in tables(found).UNIQUE_ID for i in range(4))
        self.rom = found.family.ROM[0]
        self.id = mem8[rom_id]
        self.rdp = found.rdp_level()
        self.pcrop = bool(pcrop(found))
        self.dual_core, self._cores = cores(found)

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
        if self._cores:
            lines.insert(1, ("cores", self._cores))
        if self.pcrop:
            lines.append(("", pcrop(self.chip)))
        for i, interface in enumerate(self.interfaces.split(", ")):
            lines.append(("listens on" if i == 0 else "", interface))
        if "DFU" in self.interfaces:
            lines.append(("USB DFU", "needs " + tables(self.chip).USB_CLOCK))
        return "\n".join("%-11s %s" % line for line in lines)

    def __repr__(self):
        return "<%s, ROM 0x%08X, ID 0x%02X>" % (self.name, self.rom, self.id)
