# The caches of a Cortex-M7. What Python has written may be in the D-cache only: it must be in
# memory if instructions are to be fetched from it, or if it is to outlive a reset.

from machine import mem32
from micropython import const

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_CCR = const(_SCS + 0xD14)  # ARM DDI 0403E B3.2.8
_ICIALLU = const(_SCS + 0xF50)  # B3.2.22
_DCCMVAC = const(_SCS + 0xF68)
_LINE = const(32)  # bytes; ARM DDI 0489 5.1


def clean(address, size):
    """Write these bytes back to memory, and forget what was fetched. Allocates nothing."""
    if mem32[_CCR] >> 16 & 1:
        at = address & -_LINE
        while at < address + size:
            mem32[_DCCMVAC] = at
            at += _LINE
    mem32[_ICIALLU] = 0
