"""The registers of a Cortex-M7's caches and tightly coupled memories (DDI 0489E 3.3, 4.2, 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .caches import D_WAYS, I_WAYS, LINE, Caches
from .registers import Register
from .spec import CoreSpec

_CLIDR, _CTR = 0x09000003, 0x8303C003
_WT_WB_RA_WA = 0xF0000000
_LINE_SIZE = 1  # 8 words
_CSSELR_MASK, _CACR_MASK, _TCMCR_MASK = 0xF, 0x7, 0x7F
# AHBPCR.EN and SZ and the TCMs' EN, RMW and RETEN follow from pins of the core.
_UNKNOWN = {"ITCMCR": 0xF90, "DTCMCR": 0xF94}


def ccsidr(size: int, ways: int) -> int:
    """Cache size ID of a cache of so many bytes (DDI 0489E table 4-10)."""
    sets = size // (ways * LINE)
    return _WT_WB_RA_WA | (sets - 1) << 13 | (ways - 1) << 3 | _LINE_SIZE


class CacheRegisters:
    def __init__(self, spec: CoreSpec, caches: Caches) -> None:
        self._spec, self._caches = spec, caches
        self.reset()

    def reset(self) -> None:
        self._select = self._cacr = 0
        self._tcm = dict.fromkeys(_UNKNOWN, 1)

    def _ccsidr(self) -> int:
        if self._select >> 1:
            return 0  # there is one level only
        if self._select & 1:
            return ccsidr(self._spec.icache, I_WAYS)
        return ccsidr(self._spec.dcache, D_WAYS)

    def _write_select(self, value: int) -> None:
        self._select = value & _CSSELR_MASK

    def _write_cacr(self, value: int) -> None:
        self._cacr = value & _CACR_MASK

    def registers(self) -> Iterator[Register]:
        """Offsets from 0xE000E000."""
        yield Register("CLIDR", 0xD78, lambda: _CLIDR, reset=_CLIDR)
        yield Register("CTR", 0xD7C, lambda: _CTR, reset=_CTR)
        yield Register("CCSIDR", 0xD80, self._ccsidr, listed=False)  # follows CSSELR
        yield Register(
            *("CSSELR", 0xD84, lambda: self._select, self._write_select),
            mask=_CSSELR_MASK,
            reset_known=False,
        )
        yield Register("CACR", 0xF9C, lambda: self._cacr, self._write_cacr, mask=_CACR_MASK)
        for name, offset in _UNKNOWN.items():
            yield Register(
                name,
                offset,
                lambda name=name: self._tcm[name],
                lambda value, name=name: self._tcm.update({name: value & _TCMCR_MASK}),
                reset=1,
                mask=_TCMCR_MASK,
                reset_known=False,
            )
        for name, offset, act in self._operations():
            yield Register(name, offset, lambda: 0, act, ones_act=True, listed=False)

    def _operations(self) -> Iterator[tuple[str, int, Callable[[int], None]]]:
        caches = self._caches
        yield "ICIALLU", 0xF50, lambda value: caches.invalidate_instructions()
        yield "ICIMVAU", 0xF58, caches.invalidate_instructions
        for name, offset, clean, invalidate in (
            *(("DCIMVAC", 0xF5C, False, True), ("DCCMVAU", 0xF64, True, False)),
            *(("DCCMVAC", 0xF68, True, False), ("DCCIMVAC", 0xF70, True, True)),
        ):
            yield (
                name,
                offset,
                lambda value, c=clean, i=invalidate: caches.maintain(value, clean=c, invalidate=i),
            )
        for name, offset, clean, invalidate in (
            *(("DCISW", 0xF60, False, True), ("DCCSW", 0xF6C, True, False)),
            ("DCCISW", 0xF74, True, True),
        ):
            yield (
                name,
                offset,
                lambda value, c=clean, i=invalidate: caches.maintain_set(
                    value, clean=c, invalidate=i
                ),
            )
        yield "BPIALL", 0xF78, lambda value: None
