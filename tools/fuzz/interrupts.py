"""Exceptions: priorities, masks, handlers under way, and what is about to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from unicorn import arm_const as arm

from ..bench.chip import Chip
from ..bench.cpu.cpu_registers import FPCA, NPRIV
from ..bench.cpu.nvic import FIRST_IRQ, HARD_FAULT, NMI, PENDSV, SYSTICK, name_of
from ..bench.cpu.spec import CORES
from .action import Action
from .application import CODE, CPACR, FLOAT, FPU_ON, ICSR, ISER, ISPR, SHCSR, Application

ACTLR, SYST_CSR, SYST_RVR, SYST_CVR = 0xE000E008, 0xE000E010, 0xE000E014, 0xE000E018
IPR0, AIRCR, SCR, CCR, SHPR1 = 0xE000E400, 0xE000ED0C, 0xE000ED10, 0xE000ED14, 0xE000ED18
FPCCR, FPCAR, FPDSCR = 0xE000EF34, 0xE000EF38, 0xE000EF3C
VECTKEY = 0x05FA0000
SLEEPONEXIT = 1 << 1
USAGE_FAULT = 6
STKALIGN = 1 << 9  # CCR
SYSTEM_HANDLERS = (4, 5, 6, 11, 14, 15)  # MemManage to SysTick, those with a priority
ARMV6M = ("cortex-m0", "cortex-m0+")
NEAR = 40  # instructions around the mask that deserve more than their share
CARRY = 600  # instructions after the mask in which a peripheral still runs


@dataclass
class Context:
    """Where the application is when it calls.

    Attributes:
        handlers: exception numbers of the handlers under way, the outermost first.
        priorities: what they need to be nested so.
        on_psp, unprivileged, float: of thread mode.
    """

    prigroup: int
    handlers: list[int]
    priorities: dict[int, int] = field(default_factory=dict)
    on_psp: bool = False
    unprivileged: bool = False
    uses_float: bool = False

    def __str__(self) -> str:
        stack = "PSP" if self.on_psp else "MSP"
        words = f"{'un' * self.unprivileged}privileged thread mode on {stack}"
        words += " with FP context" * self.uses_float
        if self.handlers:
            names = ", then ".join(name_of(number) for number in self.handlers)
            words = f"handler of {names}, from {words}"
        return f"{words}; PRIGROUP {self.prigroup}"


def mainline(die: Chip) -> bool:
    """Not ARMv6-M: there are fault handlers, BASEPRI, FAULTMASK and PRIGROUP."""
    return die.core["model"] not in ARMV6M


def may_drop(die: Chip) -> bool:
    """There is unprivileged execution: a Cortex-M0 has none."""
    return CORES[die.core["model"]].unprivileged


def system_handlers(die: Chip) -> tuple[int, ...]:
    """The system exceptions that have a priority."""
    return SYSTEM_HANDLERS if mainline(die) else (11, 14, 15)


def draw_context(random: Random, die: Chip) -> Context:
    """Thread mode, or up to four handlers nested in it; with ARMv6-M one, which is all that the
    library leaves (see HandlerError)."""
    return _draw_nested(random, die) if mainline(die) else _draw_single(random, die)


def _draw_single(random: Random, die: Chip) -> Context:
    interrupt = random.randrange(FIRST_IRQ, FIRST_IRQ + die.irq_count)
    number = random.choice((NMI, PENDSV, SYSTICK, interrupt, interrupt, interrupt))
    handlers = [number] if random.random() < 0.6 else []
    priorities = {n: random.randrange(0, 256, 64) for n in handlers if n != NMI}
    context = Context(0, handlers, priorities)
    context.on_psp = random.random() < 0.4
    context.unprivileged = random.random() < 0.15 and may_drop(die)
    return context


def _draw_nested(random: Random, die: Chip) -> Context:
    prigroup = random.randrange(8)
    levels = 16 >> max(prigroup - 3, 0)  # 4 bits of priority, of which PRIGROUP takes the upper
    depth = min(random.choice((0, 0, 1, 1, 2, 2, 3, 4)), levels)
    numbers = list(range(FIRST_IRQ, FIRST_IRQ + die.irq_count))
    handlers: list[int] = []
    while len(handlers) < depth:
        number = random.choice((random.choice(numbers), random.choice(SYSTEM_HANDLERS)))
        if number not in handlers:
            handlers.append(number)
    chosen = sorted(random.sample(range(levels), depth), reverse=True)
    step = 256 // levels
    priorities = {
        number: level * step + random.randrange(0, step, 16)
        for number, level in zip(handlers, chosen, strict=True)
    }
    # One of the two at most: no Python runs in either, let alone in an NMI on top of a HardFault.
    if random.random() < 0.15:
        handlers.append(random.choice((HARD_FAULT, NMI)))
    context = Context(prigroup, handlers, priorities)
    context.on_psp = random.random() < 0.4
    context.unprivileged = random.random() < 0.15 and may_drop(die)
    context.uses_float = random.random() < 0.4 and die.core["fpu"]
    return context


# --- before the handlers -----------------------------------------------------------------------


def draw_priorities(random: Random, die: Chip, context: Context) -> Iterator[Action]:
    """PRIGROUP and every priority; those of the handlers under way as they need them."""
    yield from all_priorities(die, context, random)
    if not die.core["fpu"]:
        return
    if random.random() < 0.5:
        fpccr = random.randrange(1, 4) << 30
        values = (fpccr, random.getrandbits(32), random.getrandbits(5) << 22)
        yield Action(f"FPCCR {fpccr:08X}, FPCAR, FPDSCR", lambda app: _set_fpu(app, values))
    if random.random() < 0.3:
        yield Action("handlers use the FPU", _float_handlers)


def all_priorities(die: Chip, context: Context, random: Random | None = None) -> Iterator[Action]:
    """Of every exception, those of the handlers under way as they need them; the rest at random
    or the lowest."""
    numbers = (*system_handlers(die), *range(16, 16 + die.irq_count))
    prio = {n: random.getrandbits(8) if random else 0xFF for n in numbers} | context.priorities
    yield Action(
        "priorities of all exceptions", lambda app: set_priorities(app, context.prigroup, prio)
    )


def set_priorities(app: Application, prigroup: int, priorities: dict[int, int]) -> None:
    """PRIGROUP, and the priorities of these exceptions."""
    app.store(AIRCR, VECTKEY | prigroup << 8)
    words: dict[int, int] = {}  # ARMv6-M takes no bytes
    for number, value in priorities.items():
        at = IPR0 + number - FIRST_IRQ if number >= FIRST_IRQ else SHPR1 + number - 4
        words[at & ~3] = words.get(at & ~3, 0) | value << 8 * (at & 3)
    for address, word in words.items():
        app.store(address, word)


def _set_fpu(app: Application, values: tuple[int, int, int]) -> None:
    app.store(CPACR, FPU_ON)
    for address, value in zip((FPCCR, FPCAR, FPDSCR), values, strict=True):
        app.store(address, value)
    app.run(1)


def _float_handlers(app: Application) -> None:
    """Vectors of all interrupts: a handler with an FP instruction, which a lazy frame awaits."""
    app.store(CPACR, FPU_ON)
    at = app.layout.application
    for number in range(FIRST_IRQ, FIRST_IRQ + app.soc.chip.irq_count):
        app.write_memory(at + 4 * number, (at + CODE + FLOAT | 1).to_bytes(4, "little"))


def enter(app: Application, context: Context) -> None:
    """Go there, by taking the exceptions one after the other."""
    if context.uses_float:
        app.use_float()
    state = app.core.state()
    control = state.control & FPCA | context.on_psp << 1
    mode = {"xpsr": state.xpsr & 1 << 24, "msp": state.msp, "psp": app.layout.psp}
    app.core.engine.set_mode(control=control, **mode)
    app.hold()
    for depth, number in enumerate(context.handlers):
        app.pend(number)
        if depth == 0 and context.unprivileged:
            drop_privileges(app)
        app.take(number)
        if context.uses_float and number % 2:
            app.use_float()


def drop_privileges(app: Application) -> None:
    """Thread mode goes on unprivileged: MSR CONTROL."""
    engine = app.core.engine
    if not mainline(app.soc.chip):
        engine.private.set_npriv(1)  # this Unicorn's CONTROL does not reach it
        return
    engine.set(arm.UC_ARM_REG_CONTROL, engine.get(arm.UC_ARM_REG_CONTROL) | NPRIV)
    engine.set(arm.UC_ARM_REG_APSR_NZCV, engine.get(arm.UC_ARM_REG_APSR_NZCV))


# --- in the innermost handler ------------------------------------------------------------------


def draw_sources(random: Random, die: Chip, context: Context) -> Iterator[Action]:
    """Interrupts enabled and pending, faults enabled, and how the core sleeps and aligns."""
    words = (die.irq_count + 31) // 32
    for name, row, density in (("enabled", ISER, 0.5), ("pending", ISPR, 0.3)):
        if random.random() < density:
            bits = [random.getrandbits(32) & random.getrandbits(32) for _ in range(words)]
            text = " ".join(f"{word:08X}" for word in bits)
            yield Action(f"interrupts {name}: {text}", lambda app, r=row, b=bits: _row(app, r, b))
    yield from _draw_system_registers(random, die)
    if random.random() < 0.5:
        scr = random.getrandbits(5) & 0x16
        if not context.handlers:
            # A thread that sleeps on exit stops at its next interrupt: so it is meant to be.
            scr &= ~SLEEPONEXIT
        yield Action(f"SCR {scr:02X}", lambda app: app.store(SCR, scr))


def _draw_system_registers(random: Random, die: Chip) -> Iterator[Action]:
    """What ARMv6-M has not."""
    if not mainline(die):
        return
    if random.random() < 0.5:
        bits = random.getrandbits(3) << 16
        yield Action(f"SHCSR {bits:08X}", lambda app: app.store(SHCSR, app.load(SHCSR) | bits))
    if random.random() < 0.5:
        ccr = random.getrandbits(10) & 0x31B
        yield Action(f"CCR {ccr:03X}", lambda app: app.store(CCR, app.load(CCR) & ~0x31B | ccr))
    if random.random() < 0.3:
        actlr = random.getrandbits(10)
        yield Action(f"ACTLR {actlr:03X}", lambda app: app.store(ACTLR, actlr))


def _row(app: Application, row: int, words: list[int]) -> None:
    for n, bits in enumerate(words):
        app.store(row + 4 * n, bits)


def fill(app: Application) -> None:
    """No register of the core, SysTick, NVIC and FPU is as after a reset."""
    if mainline(app.soc.chip):
        app.store(ACTLR, 0x3FF)
        app.store(CCR, app.load(CCR) & ~STKALIGN | 0x113)
        app.store(SHCSR, app.load(SHCSR) | 7 << 16)
    if app.soc.chip.core["fpu"]:
        _set_fpu(app, (1 << 30, 0xFFFFFFFF, 0xFFFFFFFF))
    app.store(SCR, 0x16)
    _systick(app, 0xFFFFFF, 7)
    app.core.engine.set(arm.UC_ARM_REG_PRIMASK, 1)
    for row in (ISER, ISPR):
        _row(app, row, [0xFFFFFFFF] * ((app.soc.chip.irq_count + 31) // 32))
    app.store(ICSR, 1 << 28 | 1 << 26)  # PendSV and SysTick


def draw_moments(random: Random, die: Chip, to_mask: int) -> Iterator[Action]:
    """What comes while `helper` works: `to_mask` is how many instructions it takes to mask."""
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        after = random.randrange(to_mask + CARRY)
        if random.random() < 0.4:
            after = to_mask + random.randrange(-NEAR, NEAR)
        number = random.choice((14, 15, *range(16, 16 + die.irq_count)))
        if number < FIRST_IRQ and after >= to_mask:
            continue  # software pends these, and the application does not run any more
        yield Action(
            f"{name_of(number)} pends {after} instructions after the call",
            lambda app, n=number, after=after: _alarm(app, n, after),
        )
    if random.random() < 0.3:
        reload = random.randrange(100, 2000)
        control = 7 if random.random() < 0.8 else 3
        yield Action(
            f"SysTick every {reload} ticks, CTRL {control}",
            lambda app: _systick(app, reload, control),
        )
    if random.random() < 0.05:
        yield Action("SysTick after every instruction until the mask", _storm)
    if random.random() < 0.2:
        after = random.randrange(to_mask)
        yield Action(
            f"if clock security is on, the crystal fails {after} instructions after the call",
            lambda app: _fail_crystal(app, after),
        )


def _alarm(app: Application, number: int, after: int) -> None:
    if number >= FIRST_IRQ and number != app.expected:
        app.nvic(ISER, number - FIRST_IRQ)
    app.alarms.append((after, lambda: app.core.pend(number)))


def _storm(app: Application) -> None:
    """An interrupt between any two instructions: one that is taken as soon as the last is over."""
    code = range(app.layout.code, app.layout.code + len(app.subject.code))

    def again() -> None:
        if app.over or app.core.engine.get(arm.UC_ARM_REG_PRIMASK):
            return
        if SYSTICK not in app.active and app.core.pc in code:
            app.core.pend(SYSTICK)
        app.soc.clock.after_cycles(1, again)

    app.alarms.append((1, again))


def _systick(app: Application, reload: int, control: int) -> None:
    app.store(SYST_RVR, reload)
    app.store(SYST_CVR, 0)
    app.store(SYST_CSR, control)


def _fail_crystal(app: Application, after: int) -> None:
    """An NMI. Before the mask only: nothing can keep an NMI from coming after it."""
    css = app.soc.chip.rcc["control"]["css"]
    register = app.soc.chip.rcc["oscillators"]["HSE"][0]
    if app.peek(f"RCC.{register}") >> css & 1 and NMI not in app.active:
        app.alarms.append((after, app.soc.rcc.fail_hse))


# --- masks: last, as nothing is taken from then on ---------------------------------------------


def draw_masks(random: Random, die: Chip, context: Context) -> Iterator[Action]:
    """BASEPRI, PRIMASK, FAULTMASK."""
    if random.random() < 0.3 and mainline(die):
        basepri = random.randrange(0, 256, 16)
        yield Action(f"BASEPRI {basepri:02X}", lambda app: _mask(app, "BASEPRI", basepri))
    if random.random() < 0.2:
        yield Action("PRIMASK", lambda app: _mask(app, "PRIMASK", 1))
    # CPSID F does nothing in HardFault and NMI (DDI 0403E B5.2.1)
    not_masked = {HARD_FAULT, NMI} & set(context.handlers) or not mainline(die)
    if random.random() < 0.15 and not not_masked:
        yield Action("FAULTMASK", lambda app: _mask(app, "FAULTMASK", 1))


def _mask(app: Application, name: str, value: int) -> None:
    app.core.engine.set(getattr(arm, f"UC_ARM_REG_{name}"), value)
