"""The memory protection unit, PMSAv8 (DDI 0553B.t B11, D1.2.184 to D1.2.192)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .mpu import AnyRegion, Mpu
from .registers import Register, RegisterView

_READ_ONLY, _UNPRIVILEGED, _XN, _ENABLE = 1 << 2, 1 << 1, 1 << 0, 1 << 0
_GRANULE = 0x1F


@dataclass(slots=True)
class RegionV8:
    rbar: int = 0
    rlar: int = 0

    @property
    def enabled(self) -> bool:
        return bool(self.rlar & _ENABLE)

    @property
    def execute_never(self) -> bool:
        return bool(self.rbar & _XN)

    @property
    def words(self) -> tuple[int, int]:
        return self.rbar, self.rlar

    def may(self, write: bool, privileged: bool) -> bool:
        allowed = privileged or bool(self.rbar & _UNPRIVILEGED)
        return allowed and not (write and self.rbar & _READ_ONLY)

    def covers(self, address: int) -> bool:
        return self.enabled and self.rbar & ~_GRANULE <= address <= self.rlar | _GRANULE


class _Overlap(RegionV8):
    """Where two regions overlap: every access fails (B11.2)."""

    @property
    def execute_never(self) -> bool:
        return True

    def may(self, write: bool, privileged: bool) -> bool:
        return False


class MpuV8(Mpu):
    def _clear_regions(self) -> None:
        self.regions = [RegionV8() for _ in range(self.count)]
        self.attributes = [0, 0]  # MAIR0, MAIR1; unknown after a reset of the chip

    @property
    def _all_regions(self) -> Sequence[AnyRegion]:
        return self.regions

    def _region_at(self, address: int) -> AnyRegion | None:
        covering = [region for region in self.regions if region.covers(address)]
        return _Overlap() if len(covering) > 1 else covering[0] if covering else None

    def registers(self, changed: Callable[[], None]) -> Iterator[Register]:
        yield from super().registers(changed)
        for n in range(2 if self.count else 0):
            yield Register(
                f"MPU_MAIR{n}",
                0xDC0 + 4 * n,
                lambda n=n: self.attributes[n],
                lambda value, n=n: self.attributes.__setitem__(n, value),
                reset_known=False,
            )

    def _region_registers(
        self,
    ) -> Iterator[tuple[str, int, Callable[[], int], Callable[[int], None]]]:
        for n in range(4):  # the aliases replace the two lowest bits of RNR by their number
            at = 0xD9C + 8 * n
            yield (
                f"RBAR_A{n}",
                at,
                lambda n=n: self._selected(n).rbar,
                lambda value, n=n: self._write_rbar(n, value),
            )
            yield (
                f"RLAR_A{n}",
                at + 4,
                lambda n=n: self._selected(n).rlar,
                lambda value, n=n: self._write_rlar(n, value),
            )

    def _selected(self, alias: int) -> RegionV8:
        """The selected region; one without effect if there is none of that number."""
        number = self.number & ~3 | alias if alias else self.number
        return self.regions[number] if number < self.count else RegionV8()

    def _write_rbar(self, alias: int, value: int) -> None:
        self._selected(alias).rbar = value

    def _write_rlar(self, alias: int, value: int) -> None:
        self._selected(alias).rlar = value & ~0x10

    def region_views(self) -> Iterator[RegisterView]:
        for n, region in enumerate(self.regions):
            yield RegisterView(f"MPU_RBAR{n}", 0xE000ED9C, region.rbar, 0, 0xFFFFFFFF, False)
            yield RegisterView(f"MPU_RLAR{n}", 0xE000EDA0, region.rlar, 0, 0xFFFFFFEF, True)
