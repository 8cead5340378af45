# jump.helper() for builds without the inline assembler: the very same machine code, as bytes.
#
# Such a build gives Python no way to call machine code. The CPU has one: an exception. A copy of
# the vector table in RAM names the code as the handler of the NMI, and the NMI is set pending. NMI
# because nothing masks it and it preempts every other handler, so this works from anywhere. That
# the code then starts inside an exception handler is nothing new to it: it leaves all of them.
# If there is no room it returns, as any handler may, and the vector table is put back. Meanwhile
# interrupts go on, through the copy: so they are masked for no longer than the code itself takes.
#
# Between the marks: python -m tools.machine_code

import struct

from machine import mem32
from micropython import const
from uctypes import addressof, bytearray_at

_LOOK = const(0)  # tasks, as in jump.py
_GO = const(1)
_COMPLETE = const(2)
_CONTROL = const(3)
MPU_CTRL = const(3)  # ENABLE, and HFNMIENA: without it the MPU is off in an NMI

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_ICTR = const(_SCS + 0x004)  # ARM DDI 0403E B3.4.2: interrupts / 32 - 1; nothing in ARMv6-M
_ICSR = const(_SCS + 0xD04)  # B3.2.4
_NMIPENDSET = const(-0x80000000)  # bit 31, as mem32 wants it
_CPUID = const(_SCS + 0xD00)
_CORTEX_M0 = const(0xC20)  # CPUID.PARTNO (ARM DDI 0432C 4.3.1): it has no VTOR
_VTOR = const(_SCS + 0xD08)
_CCR = const(_SCS + 0xD14)
_NMI = const(8)  # offset in the vector table
_SYSTEM = const(64)  # bytes of vectors before those of interrupts
_GROUP = const(128)  # of 32 interrupts

# ldr r0, [pc, #4]; ldr r1, [pc, #8]; b over the literals; nop; image; task; then the code
_SHIM = const(b"\x01\x48\x02\x49\x04\xe0\xc0\x46")
_IMAGE = const(8)
_TASK = const(12)
_START = const(16)

# code: begin
_CODE = const(
    b"\xf2\xb5\xef\xf3\x14\x85\x03\x29\x00\xd1\x14\xe1\xef\xf3\x08\x85\x04\x68\xa4\x00"
    b"\x00\xf0\x8e\xf8\x14\x37\x00\x20\x80\xf3\x14\x88\xbf\xf3\x6f\x8f\x00\x20\xe0\x26"
    b"\x36\x04\xed\x36\x36\x02\x30\x61\x70\x68\xc1\x05\xc9\x0d\x34\xd0\x01\x23\x1b\x06"
    b"\x02\x05\x1d\xd4\x32\x68\xd2\x03\x1a\xd5\x00\x22\x10\x29\x05\xd2\x01\x22\x08\x1f"
    b"\x06\x29\x00\xd1\x01\x30\x82\x40\x72\x62\x0a\x20\x00\x02\x35\x1a\x10\x24\x22\x46"
    b"\x28\x68\x40\x08\x01\xd3\x8a\x42\x08\xd1\x01\x32\x00\x28\xf8\xd1\x04\x35\x20\x34"
    b"\xf1\x2c\xf2\xd3\x06\x24\x01\xe0\x13\x43\x0e\x24\x30\x68\xc0\x04\x00\xd5\x41\x34"
    b"\xe4\x43\x00\xf0\x01\xf8\xc7\xe7\x88\xb0\x70\x46\x01\x38\x06\x90\x07\x93\x20\x47"
    b"\x01\x60\x03\xcf\x82\x07\xfb\xd0\x15\xd4\x04\xcf\x01\x38\x00\x2a\x03\xd0\x02\xc0"
    b"\x01\x3a\xfc\xd1\xf3\xe7\x4c\x00\x64\x08\x64\x08\x05\xd3\x08\xcf\x03\x60\x00\x29"
    b"\x01\xda\x00\x23\x03\x60\x04\x30\x00\x2c\xf4\xd1\xe5\xe7\xc2\x07\x07\xd1\x02\x38"
    b"\x16\xd0\x04\xcf\x03\x68\x8b\x43\x13\x43\x03\x60\xdb\xe7\x03\x38\x0c\xcf\x04\x68"
    b"\x0c\x40\x94\x42\xd5\xd0\x01\x3b\xf9\xd1\x5f\x21\x09\x01\x0a\x31\x09\x04\x04\x31"
    b"\xf1\x60\xbf\xf3\x4f\x8f\xfe\xe7\xbf\xf3\x4f\x8f\xbf\xf3\x6f\x8f\x0a\x68\x4b\x68"
    b"\x82\xf3\x08\x88\x34\x68\x24\x03\x24\x0f\x0f\x2c\x02\xd1\x80\xf3\x11\x88\x61\xb6"
    b"\xc0\x43\x86\x46\x62\xb6\x18\x47\x73\x46\x01\x3b\x7a\x46\xd2\x1a\x03\x32\x92\x08"
    b"\x92\x00\x2f\x1b\xbf\x1a\x20\x3f\xff\x08\xff\x00\x02\x29\x12\xd0\x46\x68\x20\x36"
    b"\xb7\x42\x6e\xd3\x86\x68\xae\x42\x6b\xd3\xa8\x42\x03\xd2\x06\x19\xb6\x18\xb7\x42"
    b"\x65\xd3\xab\x42\x03\xd2\x9e\x18\xb6\x18\xb7\x42\x5f\xd3\x8c\x46\x00\x29\x5b\xd0"
    b"\x01\x19\x1d\x88\x0d\x80\x02\x33\x02\x31\x02\x3a\xf9\xd1\x0d\x46\x62\x46\x02\x2a"
    b"\x51\xd0\xe4\x19\x01\x34\xa0\x46\xe0\x26\x36\x04\xed\x36\x36\x02\x72\xb6\x33\x68"
    b"\xdb\x04\x04\xd5\x00\x23\x83\xf3\x0a\x88\x83\xf3\x0b\x88\x14\x36\x32\x68\x13\x0c"
    b"\x9b\x07\x1d\xd0\x03\x24\x24\x04\xa2\x43\x32\x60\xbf\xf3\x4f\x8f\xbf\xf3\x6f\x8f"
    b"\x8f\x25\xad\x00\xad\x19\x00\x22\x5b\x00\x0c\xd5\x32\x67\xbf\xf3\x4f\x8f\xf3\x6e"
    b"\x1b\x01\x1b\x0b\x01\x24\xa4\x07\x6b\x62\x1b\x19\xfc\xd3\x20\x3b\xfa\xd2\xbf\xf3"
    b"\x4f\x8f\x2a\x60\x80\x36\x73\x46\x1b\x0f\x0a\x2b\x02\xd2\x00\x23\x33\x60\x03\xe0"
    b"\xc3\x68\xb3\x60\x03\x69\xf3\x60\xbf\xf3\x4f\x8f\xbf\xf3\x6f\x8f\x3d\x46\x5c\xc8"
    b"\x5c\xc5\x5c\xc8\x5c\xc5\x88\x42\xf9\xd3\x87\xf3\x08\x88\xbf\xf3\x4f\x8f\xbf\xf3"
    b"\x6f\x8f\x40\x47\x00\x25\x28\x46\xf2\xbd"
)
# code: end

_handler = _table = bytearray(0)
_vectors = 0
_cortex_m0 = None


def code_address():
    """Where the code will be: on the heap."""
    return addressof(bytearray(4))


def helper(image, task):
    """As jump.helper(). LOOK judges by MSP as the vector table has it, and prepares everything, so
    that the others allocate nothing. CONTROL is 0: it takes machine code to leave privileged mode
    or the main stack, and such a build calls none."""
    if task == _CONTROL:
        return 0
    if task == _LOOK:
        _prepare(image)
        ram, ram_end = struct.unpack_from("<2I", image, 4)
        stack = mem32[mem32[_VTOR]] & 0xFFFFFFFF
        return 0 if ram + len(image) < stack <= ram_end else stack
    before = mem32[_VTOR]
    _handler[_TASK] = task  # data: it is read through the D-cache
    if _cortex_m0:
        _cortex_m0.nmi()
    else:
        mem32[_VTOR] = _vectors
        mem32[_ICSR] = _NMIPENDSET
        mem32[_VTOR] = before
    return mem32[before]


def _prepare(image):
    global _handler, _table, _vectors, _cortex_m0
    _handler = bytearray(_START + len(_CODE))
    _handler[:_IMAGE] = _SHIM
    struct.pack_into("<I", _handler, _IMAGE, addressof(image))
    _handler[_START:] = _CODE
    if mem32[_CPUID] >> 4 & 0xFFF == _CORTEX_M0:
        from . import cortex_m0 as _cortex_m0

        _cortex_m0.prepare(addressof(_handler) | 1)
        return
    # VTOR is a multiple of the table's size, rounded up to a power of 2 (ARM DDI 0403E B1.5.3).
    size = _SYSTEM + _GROUP * ((mem32[_ICTR] & 15) + 1)
    unit = 256
    while unit < size:
        unit *= 2
    _table = bytearray(unit + size)
    _vectors = (addressof(_table) + unit - 1) & -unit
    copy = bytearray_at(_vectors, size)
    copy[:] = bytearray_at(mem32[_VTOR], size)
    struct.pack_into("<I", copy, _NMI, addressof(_handler) | 1)
    if mem32[_CCR] >> 16 & 3:  # the caches of a Cortex-M7
        from .cache import clean

        clean(addressof(_handler), len(_handler))
        clean(_vectors, size)
