"""Clock trees that an application can run on: legal ones, and oscillators on their way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from ..bench.chip import Chip
from . import facts, families
from .action import Action
from .application import Application
from .family import Tree, Write
from .subject import FuzzError

LONGEST_START_NS = 2_100_000  # of HSE
SWITCH_NS, SWITCHES = 50_000, 100  # a slow clock takes some cycles
CLK_OFF_HSE_HZ = 1_000_000  # a clock on HSE that is slow takes its time to stop


def draw(random: Random, die: Chip, hse_hz: int) -> Iterator[Action]:
    """The clock tree and what hangs on it."""
    tree = draw_tree(random, die, hse_hz, random.choice(sources(die, hse_hz)))
    yield Action(f"clock: {tree}", lambda app: start(app, tree))
    yield from draw_anytime(random, die)
    if not tree.alone:
        yield from _draw_spare(random, die, tree, hse_hz)
    yield from _draw_low_speed(random, die)


def sources(die: Chip, hse_hz: int) -> list[str]:
    """The clock trees that a board can have."""
    return [s for s in families.of(die).sources if hse_hz or not s.endswith("HSE")]


def draw_tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """One that starts from this one of the family's sources."""
    return families.of(die).tree(random, die, hse_hz, source)


# --- how an application sets it up -------------------------------------------------------------


def start(app: Application, tree: Tree) -> None:
    """The application runs on it from now on. Raises FuzzError if the chip does not take it."""
    app.enable("PWR")
    write_all(app, tree.needs)
    switch_on(app, tree.feeds)
    write_all(app, tree.setup)
    switch_on(app, tree.source)
    write_all(app, tree.powered)
    switch = app.soc.chip.rcc["switch"]
    number, register = switch["sources"].index(tree.source), f"RCC.{switch['register']}"
    app.change(register, number, switch["sw"])
    for _ in range(SWITCHES):
        if app.soc.rcc.source_number == number:
            break
        app.wait(SWITCH_NS)
    else:
        raise FuzzError(f"SYSCLK does not become {tree.source}")
    write_all(app, tree.after)


def write_all(app: Application, writes: Iterable[Write]) -> None:
    for write in writes:
        app.change(write.register, write.value, write.mask)
        if write.then_ns:
            app.wait(write.then_ns)


def switch_on(app: Application, name: str, wait_ns: int | None = None) -> None:
    """An oscillator, until it is ready or for some time."""
    register, on, ready, _ = app.soc.chip.rcc["oscillators"][name]
    if register == app.soc.chip.rcc["backup"]["register"]:
        _unprotect(app)
    app.set_bits(f"RCC.{register}", 1 << on)
    if wait_ns is not None:
        app.wait(wait_ns)
    elif not app.peek(f"RCC.{register}") >> ready & 1:
        app.wait(_startup_ns(app.soc.chip, name) * 21 // 20 + 10_000)
        if not app.peek(f"RCC.{register}") >> ready & 1:
            raise FuzzError(f"{name} does not become ready")


def switch_off(app: Application, name: str) -> None:
    register, on, _, _ = app.soc.chip.rcc["oscillators"][name]
    app.clear_bits(f"RCC.{register}", 1 << on)


def _startup_ns(die: Chip, name: str) -> int:
    return die.startup_ns["PLL" if name in die.rcc["plls"] else name]


# --- what is not needed for SYSCLK -------------------------------------------------------------


def spare(die: Chip, tree: Tree) -> list[str]:
    """Oscillators and PLLs that a tree does not need, without the low-speed ones."""
    names = die.rcc["oscillators"]
    return [
        n for n in names if n not in (tree.source, tree.feeds) and n[:3] not in facts.LOW_SPEED
    ]


def default(die: Chip) -> str:
    """The oscillator that runs after a reset."""
    return die.reset_source


def bypass(app: Application) -> None:
    """A clock from outside on HSE: chosen before it is switched on."""
    app.set_bits(f"RCC.{_hse(app.soc.chip)}", 1 << app.soc.chip.rcc["control"]["hse_bypass"])


def slow_hse(app: Application) -> None:
    """Such a clock of 1 MHz, which takes its time to stop."""
    app.soc.rcc.hse_hz = CLK_OFF_HSE_HZ
    bypass(app)
    switch_on(app, "HSE")


def security(die: Chip) -> tuple[str, int]:
    """The register and the bit of clock security; no bit, if only a reset clears it."""
    register, bit = die.peripheral("RCC").by_name[_hse(die)], 1 << die.rcc["control"]["css"]
    return f"RCC.{register.name}", bit & ~register.set_only


def _hse(die: Chip) -> str:
    return die.rcc["oscillators"]["HSE"][0]


def _draw_spare(random: Random, die: Chip, tree: Tree, hse_hz: int) -> Iterator[Action]:
    """Oscillators that nobody needs, started long ago or just now; that after a reset is off."""
    needed = (tree.source, tree.feeds)
    for name in spare(die, tree):
        if random.random() < 0.3:
            ns = random.choice((0, 0, random.randrange(LONGEST_START_NS)))
            if name == "HSE" and random.random() < 0.5:
                yield Action("HSE bypassed", bypass)
            yield Action(
                f"{name} on since {ns} ns", lambda app, n=name, ns=ns: switch_on(app, n, ns)
            )
    if default(die) not in needed and random.random() < 0.5:
        yield Action(f"{default(die)} off", lambda app: switch_off(app, default(die)))
    css, bit = security(die)
    if "HSE" in needed and random.random() < 0.4 and bit:
        yield Action("clock security on", lambda app: app.set_bits(css, bit))
    elif "HSE" not in needed and hse_hz <= tree.hz and random.random() < 0.2:
        yield Action("SYSCLK asked to go to HSE, which starts", _ask_for_hse)


def _ask_for_hse(app: Application) -> None:
    """The switch happens when the source is ready (RM0090 6.2.6, RM0367 7.2.8, RM0433 8.5.7)."""
    switch = app.soc.chip.rcc["switch"]
    if not app.soc.rcc.is_on("HSE"):
        switch_on(app, "HSE", 0)
        app.change(f"RCC.{switch['register']}", switch["sources"].index("HSE"), switch["sw"])


def _draw_low_speed(random: Random, die: Chip) -> Iterator[Action]:
    """Low-speed oscillators, and the domain of the RTC."""
    if random.random() < 0.5:
        yield Action("LSI on", lambda app: switch_on(app, "LSI", 0))
    if random.random() < 0.3:
        yield Action("reset flags cleared", _clear_flags)
    if random.random() < 0.5:
        backup = die.rcc["backup"]
        bits = random.getrandbits(2) << backup["rtc_source"]
        bits |= random.getrandbits(1) << backup["rtc_enable"]
        yield Action(f"backup domain open, LSE on, {bits:08X}", lambda app: open_backup(app, bits))


def _clear_flags(app: Application) -> None:
    flags = app.soc.chip.rcc["reset_flags"]
    app.set_bits(f"RCC.{flags['register']}", 1 << flags["clear"])


def open_backup(app: Application, bits: int) -> None:
    """Let the backup domain be written; start LSE, and these bits."""
    backup = app.soc.chip.rcc["backup"]
    _unprotect(app)
    lse, on, _, _ = app.soc.chip.rcc["oscillators"]["LSE"]
    app.set_bits(f"RCC.{lse}", 1 << on)
    app.set_bits(f"RCC.{backup['register']}", bits)


def _unprotect(app: Application) -> None:
    """PWR's DBP: software may write to the backup domain."""
    register, bit = app.soc.chip.rcc["backup"]["dbp"]
    app.set_bits(f"PWR.{register}", 1 << bit)


# --- registers that anything can be written to -------------------------------------------------


def draw_anytime(random: Random, die: Chip) -> Iterator[Action]:
    for name, bits in facts.anytime(die).items():
        if random.random() < 0.3:
            value = random.getrandbits(32) & bits
            yield Action(
                f"{name} {value:08X}",
                lambda app, n=name, v=value, b=bits: app.change(n, v, b),
            )


def invert_anytime(app: Application, block: str) -> None:
    """All that can be changed at any time in registers of a block, or of all ("")."""
    for name, bits in facts.anytime(app.soc.chip).items():
        if name.startswith(block):
            app.change(name, ~app.peek(name), bits)
