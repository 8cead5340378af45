"""Where the stacks, the code, the image and the application's own things are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

from ..bench import chip
from ..bench.chip import Chip, Region
from ..bench.cpu.spec import CORES
from .subject import FuzzError, Subject

KIB = 1024
APPLICATION = 3 * KIB  # vectors, handlers, and the page that a refused call returns to
THREAD_STACK = 2 * KIB
BUFFER = KIB  # what a DMA stream reads or writes
FRAMES = 3 * KIB  # below a main stack that is not tight: nested frames, then helper and its load
TIGHT = 640  # below one that is: room for the frames, hardly more
PAGE = 4 * KIB  # the early-boot hook takes addresses of whole pages
EXTERNAL = 0x60000000  # external memory and up (ARM DDI 0403E B3.1)
ROOM_FIRST = 0.3
HEAP = 16  # MicroPython aligns what is on its heap


@dataclass(frozen=True)
class Layout:
    """Addresses. `msp` is the main stack in thread mode, before any handler; `room` is what
    reset.py gets from the heap, 0 if it is too small."""

    application: int
    code: int
    image: int
    msp: int
    psp: int
    buffers: tuple[int, int]
    room: int
    tight: bool
    """There may not be room below the main stack: `helper` may refuse."""
    words: str

    @property
    def needs_sdram(self) -> bool:
        """The image is there, so the application keeps it in working order."""
        return self.image >= EXTERNAL

    @property
    def room_outlives_reset(self) -> bool:
        return self.room < EXTERNAL


def has_vtor(die: Chip) -> bool:
    """A Cortex-M0 has not: its vectors are at 0, where the application maps SRAM."""
    return CORES[die.core["model"]].vtor


class Space:
    """SRAM, given away piece by piece."""

    def __init__(self, random: Random, sram: Region) -> None:
        self._random = random
        self._sram = sram
        self._taken: list[tuple[int, int]] = []

    def take(self, base: int, size: int) -> int:
        """This very piece."""
        self._taken.append((base, base + size))
        return base

    def find(self, size: int, align: int = HEAP) -> int:
        """A piece that is free, anywhere. Raises FuzzError if there is none."""
        return self.find_within(self._sram.base, self._sram.end, size, align)

    def find_within(
        self, low: int, high: int, size: int, align: int = HEAP, *, or_none: bool = False
    ) -> int:
        """A piece between these addresses; 0 if there is none, and there may be none."""
        low = low + align - 1 & -align
        for _ in range(1000 if high - size > low else 0):
            base = self._random.randrange(low, high - size, align)
            if self.is_free(base, size):
                return self.take(base, size)
        if or_none:
            return 0
        raise FuzzError(f"no {size} bytes of SRAM are left")

    def is_free(self, base: int, size: int) -> bool:
        return all(base >= end or base + size <= start for start, end in self._taken)


def draw(random: Random, subject: Subject) -> Layout:
    """A layout that an application can have; in some, reset.py gets its piece of the heap first:
    where there is little SRAM, nothing else fits between the others."""
    if random.random() < ROOM_FIRST:
        for _ in range(20):
            with suppress(FuzzError):
                return _draw(random, subject, room_first=True)
    return _draw(random, subject)


def _draw(random: Random, subject: Subject, *, room_first: bool = False) -> Layout:
    die = chip.load(subject.board.chip)
    sram = die.region("SRAM")
    ccm = next((region for region in die.memory if region.kind == "ccm"), None)
    space = Space(random, sram)
    if not has_vtor(die):
        space.take(sram.base, APPLICATION)
    at_prompt = random.random() < 0.3
    tight = not at_prompt and random.random() < 0.25
    msp, image, words = 0, 0, []
    if at_prompt:
        msp, image = subject.msp, space.take(subject.image_address, len(subject.image))
        space.take(msp - FRAMES, FRAMES + KIB)
    elif not tight:
        # multiples of 4: CCR.STKALIGN may be off
        msp = random.choice((sram.end, random.randrange(sram.base + 8 * KIB, sram.end, 4)))
        space.take(msp - FRAMES, FRAMES)
    image = image or _image(random, subject, space, ccm)
    room_size = subject.size + PAGE
    room = space.find_within(*subject.heap, room_size, or_none=True) if room_first else 0
    code, where = _code(random, subject, space, die)
    if tight:
        things = {"the image": image, "the code": code}
        for _ in range(1000):
            msp, close = _tight(random, sram, ccm, things, subject)
            if space.is_free(msp - TIGHT, TIGHT):  # there may be another thing above
                break
        else:
            return _draw(random, subject, room_first=room_first)  # no place for it: once more
        words.append(f"main stack {close}")
        space.take(msp - TIGHT, TIGHT)
    application = _application(random, space, die)
    psp = space.find(THREAD_STACK) + THREAD_STACK
    if ccm and random.random() < 0.2:
        psp = random.randrange(ccm.base + THREAD_STACK, ccm.base + ccm.size // 4, 8)
    words += [f"helper {where} at 0x{code:08X}", f"image at 0x{image:08X}", f"MSP 0x{msp:08X}"]
    words += [f"handlers at 0x{application:08X}"]
    if tight:
        space.take(msp - FRAMES, FRAMES - TIGHT)  # no DMA stream writes where the copy may be
    buffers = space.find(BUFFER), space.find(BUFFER)
    room = room or space.find_within(*subject.heap, room_size, or_none=True)
    return Layout(application, code, image, msp, psp, buffers, room, tight, ", ".join(words))


def plain(random: Random, subject: Subject) -> Layout:
    """One in which the call is as at the prompt, with the library frozen into the firmware."""
    while True:
        layout = draw(random, subject)
        if (layout.msp, layout.image) == (subject.msp, subject.image_address):
            return layout if subject.copied else replace(layout, code=subject.code_address)


def _image(random: Random, subject: Subject, space: Space, ccm: Region | None) -> int:
    if subject.heap_chip and random.random() < 0.8:
        return space.find_within(*subject.heap, len(subject.image))
    if ccm and random.random() < 0.1:
        # in the upper half: the lower one is for stacks
        return random.randrange(ccm.base + ccm.size // 2, ccm.end - len(subject.image), HEAP)
    return space.find(len(subject.image))


def _code(random: Random, subject: Subject, space: Space, die: Chip) -> tuple[int, str]:
    kind = 1.0 if subject.copied else random.random()
    if kind < 0.5:
        return subject.code_address, "frozen into flash"
    if kind < 0.55 and die.remap and has_vtor(die):
        return subject.code_address & 0x00FFFFFF, "in the alias of flash at 0"
    return space.find(len(subject.code)), "on the heap"


def _application(random: Random, space: Space, die: Chip) -> int:
    in_flash = die.region("FLASH").end - random.randrange(1, 9) * 4 * KIB
    if not has_vtor(die):
        return die.region("SRAM").base
    return space.find(APPLICATION, KIB) if random.random() < 0.4 else in_flash


def _tight(
    random: Random,
    sram: Region,
    ccm: Region | None,
    things: dict[str, int],
    subject: Subject,
) -> tuple[int, str]:
    """A main stack that ends close above something, or is in CCM; where that is."""
    if ccm and random.random() < 0.2:
        low, high = ccm.base + ccm.size // 4 + FRAMES, ccm.base + ccm.size // 2
        return random.randrange(low, high, 8), "in CCM"
    sizes = {"the image": len(subject.image), "the code": len(subject.code)}
    floors = {name: at + sizes[name] for name, at in things.items() if at in sram}
    floors["the start of SRAM"] = sram.base
    floors = {name: at for name, at in floors.items() if at + TIGHT <= sram.end}
    name = random.choice(sorted(floors))
    msp = floors[name] + TIGHT + random.randrange(0, subject.size + 1500, 4)
    return min(msp & ~3, sram.end), f"close above {name}"
