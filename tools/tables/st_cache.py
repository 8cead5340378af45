"""ICACHE and DCACHE: ST's caches between a Cortex-M33 and memory. No bit of RCC resets them.

Sources: ST's CMSIS device headers; HAL_ICACHE_DeInit, HAL_ICACHE_Disable and HAL_DCACHE_DeInit
(order, values after a reset, and that switching one off empties it). RM0456 10 and 11, RM0481 8
and 9 say where to read on.
"""

from __future__ import annotations

from .language import Block, Script, fill, wait, write

ICACHE = Block("ICACHE", 0x40030400, CR=0x00, SR=0x04, IER=0x08, FCR=0x0C, CRR=(0x20, 4))


def dcache(name: str, base: int) -> Block:
    """The registers of one of them."""
    return Block(
        name, base, CR=0x00, SR=0x04, IER=0x08, FCR=0x0C, CMDRSADDRR=0x28, CMDREADDRR=0x2C
    )


DCACHE1 = dcache("DCACHE1", 0x40031400)

WAYSEL = 1 << 2  # ICACHE.CR
MONITORS, DATA_MONITORS = 3 << 18, 0xCC << 16  # CR: their counters are cleared
BUSYF, BUSYCMDF = 1 << 0, 1 << 3  # SR
FLAGS, DATA_FLAGS = 6, 0x16  # FCR, as in SR
REGION = 1 << 9  # ICACHE.CRRx: RSIZE of 2 MiB


def icache_off(regions: int = 4) -> Script:
    """Off, empty, its monitors and regions as after a reset."""
    return [
        "instruction cache (RM0456 10.7)",
        write(ICACHE.CR, WAYSEL),
        wait(ICACHE.SR, BUSYF, 0),
        write(ICACHE.CR, MONITORS | WAYSEL),
        write(ICACHE.CR, WAYSEL),
        write(ICACHE.IER, 0),
        write(ICACHE.FCR, FLAGS),
        fill(ICACHE.CRR, REGION, regions) if regions else [],
    ]


def dcache_off(cache: Block) -> Script:
    """Off and empty. What it holds is of external memory, which is about to go."""
    return [
        "data cache (RM0456 11.7)",
        write(cache.CR, 0),
        wait(cache.SR, BUSYF | BUSYCMDF, 0),
        write(cache.CR, DATA_MONITORS),
        write(cache.CR, 0),
        write(cache.IER, 0),
        write(cache.FCR, DATA_FLAGS),
        fill(cache.CMDRSADDRR, 0, 2),
    ]
