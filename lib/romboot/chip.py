# What both editions of the library have: which chip is it, may its ROM be entered, the image for
# jump.helper(), and how to part with file systems, console and host before.
#
# To look at a chip changes nothing: where DBGMCU can be read only with a clock, that is put back.
#
# An image has a header and the script: what jump.helper() writes, word by word, and how to read it
# back. The header: words in all, lowest and highest address of SRAM, MPU_RBAR, MPU_RASR.
#
#   address      value                    *address = value
#   address + 1  value  words             fill from address on
#   address + 1  bits  0  value ...       a value for each register whose bit is set, the register
#                                         at address being bit 0; bit 31: then 0 into it, a pulse
#   address + 2  clear  set               *address = *address & ~clear | set
#   address + 3  mask  expected  tries    until (*address & mask) == expected; out of tries: reset
#   2            vectors  0               the end: MSP and PC from the vector table there
#
# It is put together from three parts: the header and what the family does before the lines of the
# die itself; these; and what the family does after them.
#
# Words are as the core has them, little-endian.

import os
import struct
import sys
import time

from machine import mem8, mem32
from micropython import const

from . import IMPORT_ERRORS, error

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_VTOR = const(_SCS + 0xD08)
_CPUID = const(_SCS + 0xD00)  # ARM DDI 0403E B3.2.3; PARTNO in bits 15:4
_MPU_TYPE = const(_SCS + 0xD90)  # B3.5.4; DREGION in bits 15:8
_WORD = const(0xFFFFFFFF)  # mem32 is signed
_CORTEX_M7 = const(0xC27)
_CORTEX_M33 = const(0xD21)
_CORTEX_M55 = const(0xD22)  # of an STM32N6
_NSBOOTADD0 = const(0x40022044)  # of FLASH, 0x08000000 or above; an STM32H5 has less there
_WHERE = const(12)  # bytes at the start of an entry of _CHIPS: where its DEV_ID is read
_SERIES = const(0x400)  # each DEV_ID is this and a byte; _CHIPS has the byte
_RBAR = const(12)  # where an image has MPU_RBAR; compiled, without the address of SRAM
_DRAIN_MS = const(100)  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = const(20)  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it
_TC = const(0x40)  # of a USART, any kind: the last bit of the last character is out
_PERIOD_MS = const(1000)  # the longest time from one try of after_ms to the next
_ANSWER_MS = const(5)  # the prompt's answer takes 1 ms at 115200 baud


class Chip:
    """A die, and what romboot knows of it.

    family: the module with what its dies share; number: that of the die in family.DIES;
    idcode: of DBGMCU; rams: (start, end) of each SRAM; ram: the one for the last steps, which is
    where the main stack starts (the first, if that is in none: then helper() finds no room).
    """

    def __init__(self, family, number, idcode):
        self.family = family
        self.number = number
        self.idcode = idcode
        start = family.RAM
        self.rams = rams = ((start, start + family.DIES[number][0] * 1024),) + family.MORE_RAM
        self.ram = self._ram_of(mem32[mem32[_VTOR]]) or rams[0]

    def _ram_of(self, stack):
        for ram in self.rams:
            if ram[0] < stack <= ram[1]:
                return ram

    def states(self):
        """What no jump can clear, in words: [what a reset clears; what it does not; what may stay,
        as the ROM can live with it]."""
        found = ["", "", ""]
        for kind, about, checks in self.family.STATES:
            for register, mask, value in checks:
                if mem32[register] & mask != value:
                    break
            else:
                found[kind] = found[kind] + ", " + about if found[kind] else about
        return found

    def rdp_level(self):
        """Readout protection level, 0 to 2, from the option bytes; 0 if there are no levels."""
        found = self.family.PROTECTION
        byte = mem32[found[0]] >> found[1] & 0xFF if found else 0xAA
        return 0 if byte == 0xAA else 2 if byte == 0xCC else 1

    # Each of these returns the exception that prevents entry, or nothing.

    def no_rom(self):
        """The ROM must start with a vector table: MSP in SRAM, an odd address in the ROM."""
        table = self.family.ROM
        stack = mem32[table]
        start = mem32[table + 4]
        if (
            stack & 3
            or not self._ram_of(stack)
            or not start & 1
            or not table < start < self.family.ROM_END
        ):
            return error("BadRomError", table, stack & _WORD, start & _WORD, *self.rams[0])

    def useless_rom(self, lasting):
        """A ROM of some versions starts the application again unless BOOT0 is high. At readout
        protection level 2 every ROM starts and can do nothing (AN2606 4.1). A second core that
        starts at each reset would go on running the application. lasting: states()[1]."""
        for number, rom_id, ids in self.family.CLOSED:
            if number == self.number and mem8[rom_id] in ids:
                return error("ClosedRomError", mem8[rom_id])
        if self.rdp_level() == 2:
            return error("ProtectedError")
        if lasting:
            return error("LastingError", lasting)


def check_port():
    """NotSTM32Error on another port, where nothing at a register's address may be touched."""
    if sys.platform != "pyboard":  # the stm32 port has always had this name
        raise error("NotSTM32Error", sys.platform)


# Which chips there are, see chips() of tools/tables/index.py; _MANY: not one die alone, which
# needs no code that tells it from others.
# chips: begin
_MANY = const(True)
# fmt: off
_CHIPS = const(
    b";\x0c$\xe0\x04 \0\0\0\0\0\0\x09\x13\x19!#134"
    b"Ac\x02f4\x01\x11\x02f4\x07\x15ab5dpq\x02l"
    b"4\x02\x95\x94\x02wb\x01\x97\x02wl\x03ihy\x02g4\x18"
    b"\x1c'\xe0\x04 \0\0\0\0\0\0\x02IQ\x02f7\x01R\x03"
    b"f72$\x0c @\x01X\0@\x02\x10\x18\x16\x01B\x02f0"
    b"\x01E\x03f04\x02@D\x03f05\x01H\x03f07\x14"
    b"\x0c`@\x01X\0@\x02\x104\x16\x04G\x17%W\x02l0\x1a"
    b"\x0c#\xe0\x04 \0\0\0\0\0\0\x0376'\x02l1\x02\x16"
    b")\x03l1a\x19\x0d!D\x02@\0\0\0\0\0\0\x02\x84x"
    b"\x02h5\x01t\x04h503\x18,'\x5c\0\x10\0\0\0\0"
    b"\0\0\x02P\x83\x02h7\x01\x80\x03h7a\x14\x0c`@\x01X"
    b"\0@\x02\x10<\x1b\x04g`Vf\x02g0\x14\x1d!\xe0\x04@"
    b"\0\0\0\0\0\0\x04\x82\x81Uv\x02u5\0"
)
# fmt: on
# chips: end


def find():
    """The Chip, on the stm32 port. Raises UnknownChipError, MissingModuleError or, on an STM32N6,
    RomBootError."""
    chips = _CHIPS
    core = mem32[_CPUID] >> 4 & 0xFFF
    if _MANY:  # bit 12 and above: see core() of tools/tables/index.py
        if core == _CORTEX_M7:
            core |= (mem32[_MPU_TYPE] >> 11 & 0xF) << 12
        if core == _CORTEX_M33:
            core |= (mem32[_NSBOOTADD0] >> 27 > 0) << 12
        if core == _CORTEX_M55:
            module("romboot.stm32n6")  # a sentence: there is no ROM that can be entered
    idcode = before = end = 0
    while chips[end]:
        at = end
        end += chips[at]
        if chips[at + 1] << 8 | chips[at + 2] != core:
            continue
        address, clock, bit = struct.unpack_from(">2iB", chips, at + 3)
        if clock:
            before = mem32[clock]
            mem32[clock] = before | 1 << bit
        idcode = mem32[address]
        if clock:
            mem32[clock] = before
        low = idcode & 0xFFF ^ _SERIES
        at += _WHERE
        while at < end:
            dev_ids = at + 1
            name = dev_ids + chips[at]
            at = name + 1 + chips[name]
            for i in range(dev_ids, name):
                if chips[i] == low:
                    family = module((b"romboot.stm32" + chips[name + 1 : at]).decode())
                    return Chip(family, i - dev_ids, idcode)
    raise error("UnknownChipError", core & 0xFFF, idcode & 0xFFF)


def module(name):
    """A module of romboot that an edition may lack. MissingModuleError if this one does, or has
    only a part of it."""
    try:
        return __import__(name, None, None, (name,))
    except IMPORT_ERRORS:
        raise error("MissingModuleError", name) from None


def image(chip):
    """The script of this chip, with its header, as jump.helper() takes it."""
    family = chip.family
    before, after = family.SCRIPT
    start, end = chip.ram
    made = bytearray(before)
    made += family.DIES[chip.number][1]
    made += after
    struct.pack_into("<4I", made, 0, len(made) // 4, start, end, start | made[_RBAR])
    return made


# To leave: what is owed to others before the ROM starts.

_timer = None  # that of after_ms, while it runs
_due = 0  # when it is time, in ticks


def leave(family, go, force, after_ms):
    """Sync the file systems, then leave_now(). If after_ms is not None, return and do it in that
    time, in place of what was announced before."""
    # All that is needed is made here, as the heap may be full or locked then.
    flush = syncing()
    found = connections(family)
    sync(flush, force)
    if after_ms is None:
        leave_now(found, go)
    else:
        _later(max(after_ms, _ANSWER_MS), flush, found, go)


def _later(after_ms, flush, found, go):
    # Not in leave(): each variable that a closure uses takes heap, whether the closure is made or
    # not.
    global _timer, _due
    from machine import Timer

    # A closure takes no heap for up to five arguments, what it closes over included.
    def tick(timer):
        # It may have been in the scheduler's queue when its timer was cancelled.
        if timer is _timer and time.ticks_diff(time.ticks_ms(), _due) >= 0:
            cancel()
            sync(flush, True)  # what was written to files meanwhile
            leave_now(found, go)

    # It is periodic, to try again, as MicroPython's scheduler drops a callback if its queue is
    # full. hard=True (1.27 and newer) is no way round, as that would leave in the middle of a
    # write to a file.
    timer = Timer(-1)
    cancel()
    _timer = timer
    _due = time.ticks_add(time.ticks_ms(), after_ms)
    period = after_ms // (after_ms // _PERIOD_MS + 1) + 1
    timer.init(mode=Timer.PERIODIC, period=period, callback=tick)


def cancel():
    """Call off what leave() has announced, if anything."""
    global _timer
    if _timer:
        _timer.deinit()
        _timer = None


def syncing():
    """What syncs the file systems, or None.

    Before 1.23 os.sync() takes every mounted object for a file system on a block device and
    crashes on others, such as that of `mpremote mount`. What it does there is left to the internal
    storage: whatever else is mounted is synced when a file is closed.
    """
    try:
        if sys.implementation.version >= (1, 23):
            return os.sync
        from pyb import Flash
    except (AttributeError, ImportError):  # a build without file systems
        return None
    ioctl = Flash().ioctl
    return lambda: ioctl(3, 0)  # SYNC


def sync(syncing, force):
    """SyncError if a block device fails, unless forced."""
    try:
        if syncing:
            syncing()
    except Exception as failure:
        if not force:
            raise error("SyncError", failure) from None
        print("romboot: not synced")


def connections(family):
    """(consoles, devices): the status register of each USART that has its clock, and of each USB
    device that a host sees (register, mask): the bits of mask hide it, and show it again, when
    they are turned over."""
    consoles = []
    devices = []
    # Bit n of `clocks` is the clock of the USART whose register is at bus + n KiB, if bit
    # n - first of `mask` is set.
    for bus, clocks, first, mask in family.USARTS:
        running = mem32[clocks] >> first & mask
        while running:
            if running & 1:
                consoles.append(bus + 1024 * first)
            running >>= 1
            first += 1
    for clocks, bit, register, mask, seen in family.USB:
        if mem8[clocks] >> bit & 1 and mem32[register] & mask == seen:
            devices.append((register, mask))
    return consoles, devices


def leave_now(connections, go):
    """Wait for the last character of the consoles, as their clocks go, detach the USB devices, and
    go(). Allocates nothing. Does not return."""
    consoles, devices = connections
    start = time.ticks_ms()
    for status in consoles:
        while not mem32[status] & _TC:
            if time.ticks_diff(time.ticks_ms(), start) > _DRAIN_MS:
                break
    if devices:
        # Without a visible disconnect the host goes on talking to a device that is gone.
        time.sleep_ms(_DETACH_MS)  # what the console has written is sent by then
        for register, mask in devices:
            mem32[register] ^= mask
        time.sleep_ms(_DETACH_MS)
    try:
        go()
    finally:
        for register, mask in devices:
            mem32[register] ^= mask
