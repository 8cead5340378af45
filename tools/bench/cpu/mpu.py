"""The memory protection unit, PMSAv7 (DDI 0403E B3.5) and PMSAv6 (DDI 0419C B3.5).

The CPU's own accesses are checked inside Unicorn (ARMv6-M: by `access_checks.py`); the same rules
are here once more for what Python does in the CPU's name, that is stacking and unstacking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .private import REGIONS, PrivateState
from .spec import CoreSpec

ENABLE, HFNMIENA, PRIVDEFENA = 1, 2, 4
_XN = 1 << 28
RASR_MASK = 0x173FFF3F  # XN, AP, TEX, S, C, B, SRD, SIZE, ENABLE
RASR_MASK_V6 = 0x1707FF3F  # the same without TEX (DDI 0419C B3.5.9)
_PPB, _PPB_END = 0xE0000000, 0xE0100000

# AP field -> (privileged may, unprivileged may), as "", "r" or "rw" (table B3-15).
_ACCESS = {
    0: ("", ""),
    1: ("rw", ""),
    2: ("rw", "r"),
    3: ("rw", "rw"),
    5: ("r", ""),
    6: ("r", "r"),
    7: ("r", "r"),
}


@dataclass(slots=True)
class Region:
    base: int = 0
    rasr: int = 0

    def covers(self, address: int) -> bool:
        if not self.rasr & 1:
            return False
        bits = (self.rasr >> 1 & 0x1F) + 1
        if bits < 5 or (address ^ self.base) >> bits:
            return False
        subregion = address >> (bits - 3) & 7
        return bits < 8 or not self.rasr >> (8 + subregion) & 1


class Mpu:
    def __init__(
        self, spec: CoreSpec, private: PrivateState, report: Callable[[str], None]
    ) -> None:
        """`report` takes a sentence if something cannot be enforced."""
        self.count = spec.mpu_regions
        self.rasr_mask = RASR_MASK if spec.mainline else RASR_MASK_V6
        self.base_mask = 0xFFFFFFE0 if spec.mainline else 0xFFFFFF00
        self._private = private if spec.mainline else None
        self._report = report
        #: Told when the settings take effect, and whether it is on.
        self.on_apply: Callable[[bool], None] = lambda active: None
        self._applied: tuple[object, ...] = ()
        self._active = False  # as applied
        self._answers: dict[tuple[int, int, bool, bool, int], bool] = {}
        self._reset_values()

    def reset(self) -> None:
        """RNR and the regions are unknown after a reset of the chip; here they are 0."""
        self._reset_values()
        self.apply(high_priority=False)

    def _reset_values(self) -> None:
        self.control = 0
        self.number = 0
        self.regions = [Region() for _ in range(self.count)]

    @property
    def type(self) -> int:
        return self.count << 8

    @property
    def rbar(self) -> int:
        return self._selected.base | self.number

    @property
    def rasr(self) -> int:
        return self._selected.rasr

    @property
    def _selected(self) -> Region:
        return self.regions[self.number % max(self.count, 1)]

    def write_rbar(self, value: int) -> None:
        if value & 0x10:  # VALID: the region number comes with the address
            self.number = value & 0xF
        if self.number < self.count:
            self._selected.base = value & self.base_mask

    def write_rasr(self, value: int) -> None:
        if self.number < self.count:
            self._selected.rasr = value & self.rasr_mask

    def mode_changed(self, *, high_priority: bool) -> None:
        """A handler began or ended; the settings are as they were."""
        if self.active(high_priority) != self._active:
            self.apply(high_priority=high_priority)

    def apply(self, *, high_priority: bool) -> None:
        """Hand the settings to Unicorn; `high_priority`: in HardFault, NMI or with FAULTMASK."""
        active = self.active(high_priority)
        wanted = (
            (True, self.control, *((r.base, r.rasr) for r in self.regions)) if active else (False,)
        )
        if wanted == self._applied or (not self._applied and not active):
            return  # with the MPU off, regions may change for free
        self._applied, self._active = wanted, active
        self._answers.clear()
        regions = [(self._aligned_base(r), r.rasr) for r in self.regions if r.rasr & 1]
        if active:
            self._report_what_is_not_enforced(len(regions))
        if self._private:
            kept = regions[-REGIONS:]  # the highest ones win anyway
            self._private.set_mpu(active, bool(self.control & PRIVDEFENA), kept)
        self.on_apply(active)

    def _report_what_is_not_enforced(self, used: int) -> None:
        if used > REGIONS:
            self._report(
                f"the program uses {used} MPU regions, but the bench can enforce only the "
                f"{REGIONS} with the highest numbers."
            )

    def _aligned_base(self, region: Region) -> int:
        # Address bits below the size are ignored by the chip; Unicorn drops such a region.
        bits = (region.rasr >> 1 & 0x1F) + 1
        return region.base >> bits << bits

    @property
    def is_active(self) -> bool:
        """As applied."""
        return self._active

    def active(self, high_priority: bool) -> bool:
        wanted = ENABLE | HFNMIENA if high_priority else ENABLE
        return bool(self.count) and self.control & wanted == wanted

    def allows(self, address: int, *, write: bool, privileged: bool) -> bool:
        """Data access by hardware stacking."""
        if not self.active(high_priority=False) or _PPB <= address < _PPB_END:
            return True
        return self._region_allows(address, write, privileged)

    def allows_now(self, address: int, write: bool, privileged: bool) -> bool:
        """Data access by an instruction."""
        system = _PPB <= address < _PPB_END
        return not self._active or system or self._region_allows(address, write, privileged)

    def may_execute(self, address: int, privileged: bool) -> bool:
        region = self._region_at(address)
        if not self._active or region is None:
            return not self._active or self._background(privileged)
        return not region.rasr & _XN and self._region_allows(address, False, privileged)

    def allows_all(self, address: int, size: int, write: bool, privileged: bool) -> bool:
        """The same for consecutive words."""
        # Regions and subregions begin at multiples of 32 bytes: one look at each is enough, and it
        # is good until they change.
        first, last = address >> 5, address + size - 4 >> 5
        question = first, last, write, privileged, self.control
        answer = self._answers.get(question)
        if answer is None:
            looks = (granule << 5 & 0xFFFFFFFF for granule in range(first, last + 1))
            answer = self._answers[question] = all(
                self.allows(at, write=write, privileged=privileged) for at in looks
            )
        return answer

    def _region_allows(self, address: int, write: bool, privileged: bool) -> bool:
        region = self._region_at(address)
        if region is None:
            return self._background(privileged)
        may = _ACCESS.get(region.rasr >> 24 & 7, ("", ""))[not privileged]
        return ("w" if write else "r") in may

    def _region_at(self, address: int) -> Region | None:
        """The one that decides."""
        return next((r for r in reversed(self.regions) if r.covers(address)), None)

    def _background(self, privileged: bool) -> bool:
        return privileged and bool(self.control & PRIVDEFENA)
