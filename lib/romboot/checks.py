# May I? Each check returns an exception, or nothing. Reads only.

from machine import mem32


def rdp_level(chip):
    """Readout protection level, 0 to 2, from the option bytes."""
    byte = mem32[chip.family.OPTCR] >> 8 & 0xFF
    return 0 if byte == 0xAA else 2 if byte == 0xCC else 1  # RM0090 3.7.3


def pcrop(chip):
    """True if write protection bits mean PCROP here: sectors that are only executed."""
    return mem32[chip.family.OPTCR] < 0  # SPRMOD, bit 31; RM0090 3.9.11. The F405 has 0 there


def watchdog_runs(chip):
    """True if the independent watchdog runs: it keeps LSI on although nobody asked for LSI.

    Where somebody did (the RTC of a board without a crystal for it), that it was set up has to do.
    """
    lsi = mem32[chip.family.RCC_CSR] & 3  # LSION, LSIRDY; RM0090 7.3.21
    iwdg = chip.family.IWDG
    return lsi == 2 or (lsi == 3 and mem32[iwdg + 4] | mem32[iwdg + 8] ^ 0xFFF != 0)  # PR, RLR


def rom(chip):
    """The vector table of the ROM must be one: MSP in SRAM, an odd address in system memory."""
    table = chip.family.VECTORS
    stack = mem32[table] & 0xFFFFFFFF
    start = mem32[table + 4] & 0xFFFFFFFF
    if (
        stack & 3
        or not chip.ram < stack <= chip.ram_end
        or not start & 1
        or not table < start < chip.family.ROM_END
    ):
        from .errors import BadRomError

        return BadRomError(table, stack, start, chip.ram, chip.ram_end)


def protection(chip):
    """Readout protection level 2 leaves a bootloader that can do nothing (AN2606 4.1)."""
    if rdp_level(chip) == 2:
        from .errors import ProtectedError

        return ProtectedError()
