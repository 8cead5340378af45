# jump.branch() for builds without the inline assembler: the very same machine code, as bytes.
#
# Such a build gives Python no way to call machine code. The CPU has one: an exception. A copy of
# the vector table in RAM names the code as the handler of the NMI, and the NMI is set pending. NMI
# because nothing masks it and it preempts every other handler, so this works from anywhere. That
# the code then starts inside an exception handler is nothing new to it: it leaves all of them.
# If the way is not free it returns, as any handler may, and the vector table is put back.
#
# Between the marks: python -m tools.machine_code

import struct
from binascii import unhexlify

from machine import mem32
from micropython import const
from uctypes import addressof, bytearray_at

_ICSR = const(0xE000ED04)  # ARM DDI 0403E B3.2.4
_NMIPENDSET = const(-0x80000000)  # bit 31, as mem32 wants it
_VTOR = const(0xE000ED08)
_NMI = const(8)  # offset in the vector table
_TABLE = const(
    512
)  # bytes: 16 exceptions and up to 112 interrupts; VTOR is a multiple of its size

# ldr r0, [pc, #4]; movs r1, #go; b over the literal; nop; then the literal, the image's address
_SHIM = b"\x01\x48\x01\x21\x02\xe0\xc0\x46"
_GO = const(2)  # offset of go in it

# code: begin
_CODE = (
    "f2b5eff31485002800d1eee0eff30885046824baa40000f08bf81437002080f3"
    "1488bff36f8f0020e0263604ed36360230617068c105c90d2ed001231b060205"
    "1cd40022102907d2042905d30122081f062900d10130824072620a200002351a"
    "102422462868400801d38a4208d101320028f8d104352034f12cf2d3062401e0"
    "13430e24e44300f001f8cce788b07046013806900793204703cf820701d10160"
    "fae715d404cf0138002a03d002c0013afcd1f1e74c006408640805d308cf0360"
    "002901da002303600430002cf4d1e3e7c20707d1023816d004cf03688b431343"
    "0360d9e703380ccf04680c409442d3d0013bf9d15f2109010a3109040431f160"
    "bff34f8ffee7bff34f8fbff36f8f0a684b6882f30888002034682403240f0f2c"
    "02d180f3118861b6c043864662b618477346013b7a46d21a0332920892002f1b"
    "bf1a203fff08ff00022914d0466836ba2036b74249d3866836baae4245d3a842"
    "03d20619b618b7423fd3ab4203d29e18b436b74239d38c46002935d001460619"
    "0d682dba0d600431b142f9d31d880d8002330231023af9d10d466246022a24d0"
    "72b6e4190134a046e0263604ed363602943673461b0f0a2b02d20023336003e0"
    "c368b3600369f360bff34f8fbff36f8f3d465cc85cc58842fbd387f30888bff3"
    "4f8fbff36f8f404700252846f2bd"
)
# code: end

MPU = const(3)  # MPU_CTRL: in an NMI it has its say only with HFNMIENA

_handler = bytearray(0)
_table = bytearray(0)
_vectors = 0


def home():
    """Where the code will be: on the heap."""
    return addressof(bytearray(4))


def branch(image, go):
    """As jump.branch(). To look is an estimate here, of MSP as the vector table has it, and also
    prepares everything, so that to go allocates nothing."""
    if not image:
        return 0
    if go:
        return _pend(go)
    _prepare(image)
    ram, ram_end = struct.unpack_from(">2I", image, 4)
    stack = mem32[mem32[_VTOR]] & 0xFFFFFFFF
    return 0 if ram + len(image) < stack <= ram_end else stack


def _prepare(image):
    global _handler, _table, _vectors
    _handler = bytearray(_SHIM + struct.pack("<I", addressof(image)) + unhexlify(_CODE))
    _table = bytearray(2 * _TABLE)
    _vectors = (addressof(_table) + _TABLE - 1) & -_TABLE
    copy = bytearray_at(_vectors, _TABLE)
    copy[:] = bytearray_at(mem32[_VTOR], _TABLE)
    struct.pack_into("<I", copy, _NMI, addressof(_handler) | 1)


def _pend(go):
    before = mem32[_VTOR]
    _handler[_GO] = go
    mem32[_VTOR] = _vectors
    mem32[_ICSR] = _NMIPENDSET
    mem32[_VTOR] = before
    return mem32[before]
