# The other way in: through a system reset, by MicroPython's own early-boot hook.
#
# Since v1.19 the first thing an stm32 build does after a reset is to look at 64 bits at _estack
# (ports/stm32/powerctrl.c, powerctrl_check_enter_bootloader): if the reset was a software reset
# and the second word holds the key 0x5A5 in its low 12 bits, it takes MSP and PC from the vector
# table at the address in the other bits. machine.bootloader() uses it with the ROM's address,
# which leaves VTOR, CPACR and CCR as the start-up code had set them. Here the address is that of
# the image in SRAM, which survives the reset, so the script runs after the reset, and the ROM
# finds the same state as by the direct jump. What the reset adds: it stops a watchdog that
# software started, and no state of the application can be in the way. What it costs: the reset
# flags of RCC.CSR are gone (the hook clears them), SRAM holds what start-up code left of it.

import struct
import sys

from machine import disable_irq, mem16, mem32
from micropython import const
from uctypes import addressof, bytearray_at

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_VTOR = const(_SCS + 0xD08)
_AIRCR = const(_SCS + 0xD0C)
_CCR = const(_SCS + 0xD14)
_SYSRESETREQ = const(0x05FA0004)
_LOOK = const(0)  # tasks of jump.helper()
_COMPLETE = const(2)
_KEY = const(0x5A5)
_PAGE = const(4096)  # the hook's addresses have no lower bits
_RESIDENT = const(164)  # bytes that _COMPLETE puts behind the image
_STEP = const(512)  # bytes by which a buffer is tried that is smaller

# branch_to_bootloader() of powerctrl.c, written in assembler, so the same from every compiler:
# ldr r2, [r1]; msr msp, r2; ldr r2, [r1, #4]; bx r2
_HOOK = const(b"\x0a\x68\x82\xf3\x08\x88\x4a\x68\x10\x47")
_STRIDE = const(1024)
_NEAR = const(512)  # the hook follows it, 160 bytes with its literals

# In the 20 bytes of the header: a vector table, and what gives the resident part its r7.
# mov r7, r1 (the hook passes the address there); ldr r0, [pc, #4]; bx r0; the literal
_ENTRY = const(0x4801460F)
_BRANCH = const(0x4700)


def hook(family):
    """(address of the 64 bits, ""), or (0, why they cannot be used here)."""
    if sys.implementation.version[:2] < (1, 19):
        return 0, "MicroPython before 1.19 has another early-boot hook, or none"
    state = mem32[mem32[_VTOR]] & 0xFFFFFFFF
    if state & 0xFF != 0xF8:
        return 0, "the stack starts at 0x%08X: this build keeps no room for boot state" % state
    if mem32[state] or mem32[state + 4]:
        return 0, "the boot state at 0x%08X was not cleared: this build has no hook" % state
    if not _has_code(state, family.FLASH, mem16[family.FLASH_SIZE] * 1024):
        return 0, "no code in internal flash looks at 0x%08X after a reset" % state
    return state, ""


def _has_code(state, flash, size):
    # A build with MICROPY_HW_ENTER_BOOTLOADER_VIA_RESET 0 has the branch, and so has mboot, but
    # nothing beside it that knows the address of the state. With LTO (a Cortex-M0 or M0+) the hook
    # is inlined, far from the branch: then the key follows that address.
    word = struct.pack("<I", state)
    pair = struct.pack("<2I", state, _KEY)
    for at in range(flash, flash + size - _STRIDE - _NEAR, _STRIDE):
        near = bytearray_at(at, _STRIDE + _NEAR)
        if word in near and (pair in near or _HOOK in bytearray_at(at, _STRIDE + 10)):
            return True
    return False


def _room(size):
    # A buffer, and an address in it at the start of a page with so many bytes. A heap in pieces
    # may have none of a page and more, but one where a page begins; others are kept meanwhile.
    others = []
    length = size + _PAGE
    while length >= size:
        try:
            room = bytearray(length)
            start = addressof(room)
        except MemoryError:
            length -= _STEP
            continue
        page = (start + _PAGE - 1) & -_PAGE
        if page + size <= start + length:
            return room, page
        others.append(room)
    raise MemoryError


class Reset:
    """The image on a page of its own, to be completed and booted. go() allocates nothing.

    missing: why this cannot work, or "".
    """

    def __init__(self, jump, image, state):
        self.missing = ""
        end = len(image)
        size = end + _RESIDENT
        try:
            self._room, self._page = _room(size)
        except MemoryError:
            self.missing = "the heap has no %d bytes free at a multiple of 4096" % size
            return
        self._jump = jump
        self._state = state
        self._resident = (self._page + end) | 1
        if self._page >> 28 != 2:  # internal SRAM that is there and executable after a reset
            self.missing = (
                "the heap is at 0x%08X, where no code can run after a reset" % self._page
            )
            return
        self._image = bytearray_at(self._page, size)
        self._image[:end] = image
        jump.helper(self._image, _LOOK)  # that of jump_bytes allocates at its first call
        self._clean = None
        if mem32[_CCR] >> 16 & 3:  # the caches of a Cortex-M7
            from .cache import clean

            self._clean = clean

    def go(self):
        """Reset. Does not return."""
        page = self._page
        self._jump.helper(self._image, _COMPLETE)
        struct.pack_into(
            "<5I", self._image, 0, self._state, page + 9, _ENTRY, _BRANCH, self._resident
        )
        disable_irq()
        mem32[self._state] = 0
        mem32[self._state + 4] = page | _KEY
        if self._clean:
            self._clean(page, len(self._image))
            self._clean(self._state, 8)
        mem32[_AIRCR] = _SYSRESETREQ
        while True:
            pass
