"""The memory protection unit, PMSAv7 (DDI 0403E B3.5) and PMSAv6 (DDI 0419C B3.5).

The CPU's own accesses are checked inside Unicorn (ARMv6-M: by `access_checks.py`); the same rules
are implemented here for stacking and unstacking, which Python does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .private import PrivateState
from .registers import Register, RegisterView
from .spec import CoreSpec

ENABLE, HFNMIENA, PRIVDEFENA = 1, 2, 4
_XN = 1 << 28
_RASR_MASK = 0x173FFF3F  # XN, AP, TEX, S, C, B, SRD, SIZE, ENABLE
_RASR_MASK_V6 = 0x1707FF3F  # the same without TEX (DDI 0419C B3.5.9)
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


class AnyRegion(Protocol):
    def covers(self, address: int) -> bool: ...

    def may(self, write: bool, privileged: bool) -> bool: ...

    @property
    def words(self) -> tuple[int, int]:
        """As Unicorn takes them."""
        ...

    @property
    def enabled(self) -> bool: ...

    @property
    def execute_never(self) -> bool: ...


@dataclass(slots=True)
class Region:
    base: int = 0
    rasr: int = 0

    @property
    def enabled(self) -> bool:
        return bool(self.rasr & 1)

    @property
    def execute_never(self) -> bool:
        return bool(self.rasr & _XN)

    @property
    def words(self) -> tuple[int, int]:
        # Address bits below the size are ignored by the chip; Unicorn drops such a region.
        bits = (self.rasr >> 1 & 0x1F) + 1
        return self.base >> bits << bits, self.rasr

    def may(self, write: bool, privileged: bool) -> bool:
        rights = _ACCESS.get(self.rasr >> 24 & 7, ("", ""))[not privileged]
        return ("w" if write else "r") in rights

    def covers(self, address: int) -> bool:
        if not self.rasr & 1:
            return False
        bits = (self.rasr >> 1 & 0x1F) + 1
        if bits < 5 or (address ^ self.base) >> bits:
            return False
        subregion = address >> (bits - 3) & 7
        return bits < 8 or not self.rasr >> (8 + subregion) & 1


class Mpu:
    """What all versions have in common. `report` takes a sentence if something cannot be
    enforced."""

    def __init__(
        self, spec: CoreSpec, private: PrivateState, report: Callable[[str], None]
    ) -> None:
        self.count = spec.mpu_regions
        self._private = private
        self._report = report
        #: Called when settings take effect, with True if the MPU is on.
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
        self._clear_regions()

    def _clear_regions(self) -> None:
        raise NotImplementedError

    @property
    def _all_regions(self) -> Sequence[AnyRegion]:
        raise NotImplementedError

    # -- registers -------------------------------------------------------------------------

    def registers(self, changed: Callable[[], None]) -> Iterator[Register]:
        """Offsets from 0xE000E000. `changed` is called after a write."""
        if not self.count:
            yield Register("MPU_TYPE", 0xD90, lambda: 0)
            return

        def then_tell(act: Callable[[int], None]) -> Callable[[int], None]:
            def write(value: int) -> None:
                act(value)
                changed()

            return write

        kind = self.count << 8
        yield Register("MPU_TYPE", 0xD90, lambda: kind, reset=kind)
        yield Register(
            "MPU_CTRL", 0xD94, lambda: self.control, then_tell(self._set_control), mask=7
        )
        yield Register(
            "MPU_RNR", 0xD98, lambda: self.number, self._set_number, mask=0xFF, reset_known=False
        )
        for name, offset, read, write in self._region_registers():
            yield Register(f"MPU_{name}", offset, read, then_tell(write), listed=False)

    def _region_registers(
        self,
    ) -> Iterator[tuple[str, int, Callable[[], int], Callable[[int], None]]]:
        """The registers of the selected region: name, offset, what reads and writes it."""
        raise NotImplementedError

    def region_views(self) -> Iterator[RegisterView]:
        """The registers of each region."""
        raise NotImplementedError

    def _set_control(self, value: int) -> None:
        self.control = value & 7

    def _set_number(self, value: int) -> None:
        self.number = value & 0xFF

    # -- taking effect ---------------------------------------------------------------------

    def mode_changed(self, *, high_priority: bool) -> None:
        """A handler began or ended; the settings have not changed."""
        if self.active(high_priority) != self._active:
            self.apply(high_priority=high_priority)

    def apply(self, *, high_priority: bool) -> None:
        """Give the settings to Unicorn; `high_priority`: in HardFault, NMI or with FAULTMASK."""
        active = self.active(high_priority)
        used = [region.words for region in self._all_regions if region.enabled]
        wanted = (active, self.control, tuple(used)) if active else (False,)
        if wanted == self._applied or (not self._applied and not active):
            return  # the MPU is off: regions have no effect
        self._applied, self._active = wanted, active
        self._answers.clear()
        self._hand_over(active, used)
        self.on_apply(active)

    def _hand_over(self, active: bool, regions: list[tuple[int, int]]) -> None:
        """Set what enforces the regions."""
        most = self._private.mpu_regions
        if active and len(regions) > most:
            self._report(
                f"the program uses {len(regions)} MPU regions, but the bench can enforce only "
                f"the {most} with the highest numbers."
            )
        # the highest ones win
        self._private.set_mpu(active, bool(self.control & PRIVDEFENA), regions[-most:])

    @property
    def is_active(self) -> bool:
        """As applied."""
        return self._active

    @property
    def matters(self) -> bool:
        """It is on, or has been until now: otherwise regions have no effect."""
        return bool(self.control & ENABLE) or self._active

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
        return not region.execute_never and region.may(False, privileged)

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
        return self._background(privileged) if region is None else region.may(write, privileged)

    def _region_at(self, address: int) -> AnyRegion | None:
        """The region that decides: the last one."""
        return next((r for r in reversed(self._all_regions) if r.covers(address)), None)

    def _background(self, privileged: bool) -> bool:
        return privileged and bool(self.control & PRIVDEFENA)


class MpuV7(Mpu):
    """PMSAv7; and PMSAv6, which Unicorn's Cortex-M0 does not enforce."""

    def __init__(
        self, spec: CoreSpec, private: PrivateState, report: Callable[[str], None]
    ) -> None:
        self._mainline = spec.mainline
        self._base_mask = 0xFFFFFFE0 if spec.mainline else 0xFFFFFF00
        self._rasr_mask = _RASR_MASK if spec.mainline else _RASR_MASK_V6
        super().__init__(spec, private, report)

    def _clear_regions(self) -> None:
        self.regions = [Region() for _ in range(self.count)]

    @property
    def _all_regions(self) -> Sequence[AnyRegion]:
        return self.regions

    def _hand_over(self, active: bool, regions: list[tuple[int, int]]) -> None:
        if self._mainline:
            super()._hand_over(active, regions)

    @property
    def _selected(self) -> Region:
        return self.regions[self.number % self.count]

    def _region_registers(
        self,
    ) -> Iterator[tuple[str, int, Callable[[], int], Callable[[int], None]]]:
        # RBAR, RASR and their three aliases, which ARMv6-M has not got
        for n in range(4 if self._mainline else 1):
            at = 0xD9C + 8 * n
            yield f"RBAR_A{n}", at, lambda: self._selected.base | self.number, self._write_rbar
            yield f"RASR_A{n}", at + 4, lambda: self._selected.rasr, self._write_rasr

    def region_views(self) -> Iterator[RegisterView]:
        for n, region in enumerate(self.regions):
            yield RegisterView(f"MPU_RBAR{n}", 0xE000ED9C, region.base, 0, self._base_mask, False)
            yield RegisterView(f"MPU_RASR{n}", 0xE000EDA0, region.rasr, 0, self._rasr_mask, True)

    def _write_rbar(self, value: int) -> None:
        if value & 0x10:  # VALID: the region number comes with the address
            self.number = value & 0xF
        if self.number < self.count:
            self._selected.base = value & self._base_mask

    def _write_rasr(self, value: int) -> None:
        if self.number < self.count:
            self._selected.rasr = value & self._rasr_mask
