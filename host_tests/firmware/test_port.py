"""The bench firmware of the F4 boards: that it behaves as MicroPython's stm32 port does."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from host_tests.conftest import first_of_each
from host_tests.firmware.prompt import PROMPT, Prompt


@dataclass(frozen=True)
class Left:
    """What start-up code leaves. mhz: SYSCLK, and the most that it can be without over-drive.
    mpu: it is on, and MemManage is enabled."""

    machine: str
    mhz: int
    most_mhz: int
    mpu: bool

    @property
    def freq(self) -> str:
        return freq(self.mhz)


def freq(mhz: int) -> str:
    """What machine.freq() says: SYSCLK, HCLK, APB1, APB2."""
    hz = mhz * 1_000_000
    return str((hz, hz, hz // 4, hz // 2))


LEFT = {
    "NUCLEO_F401RE": Left("NUCLEO-F401RE with STM32F401xE", 84, 84, False),
    "NUCLEO_F411RE": Left("NUCLEO-F411RE with STM32F411xE", 96, 100, False),
    "NUCLEO_F429ZI": Left("NUCLEO-F429ZI with STM32F429", 168, 168, True),
    "NUCLEO_F446RE": Left("NUCLEO-F446RE with STM32F446xx", 168, 168, False),
    "PYBV11": Left("PYBv1.1 with STM32F405RG", 168, 168, True),
}


@pytest.fixture(scope="module", params=LEFT)
def prompt(request: pytest.FixtureRequest) -> Iterator[Prompt]:
    """One board for all tests of a module: each leaves it at its prompt."""
    yield (prompt := Prompt(request.param))
    assert prompt.board.core.faults == []


def test_it_says_what_it_is_as_the_official_firmware_does(prompt: Prompt) -> None:
    build_name = prompt.name
    machine = LEFT[build_name].machine
    assert f"MicroPython v1.25.0 on 2025-04-15; {machine}" in prompt.banner
    lines = prompt.run(
        """
import os, sys, machine
print(sys.platform, sys.implementation._build, sys.implementation._mpy)
print(sys.implementation._machine)
print(os.uname().sysname, os.uname().machine)
print(machine.freq(), len(machine.unique_id()))
"""
    )
    assert lines == [
        f"pyboard {build_name} 7942",  # mpy 6.3 with native code for armv7emsp
        machine,
        f"pyboard {machine}",
        f"{LEFT[build_name].freq} 12",
    ]


def test_the_chip_is_as_an_application_leaves_it(prompt: Prompt) -> None:
    """The state that the library has to undo. Addresses: PM0214 4.2 to 4.5, RM0090 2.3."""
    lines = prompt.run(
        """
from machine import mem32
for a in 0xE000ED94, 0xE000ED0C, 0xE000ED24, 0xE000ED88, 0xE000E010, 0x40023808, 0x40023C00:
    print(hex(mem32[a] & 0xffffffff))
print(mem32[0x40023800] >> 24 & 3, mem32[0x40023800] >> 16 & 3, mem32[0x40023800] & 3)
"""
    )
    mpu = LEFT[prompt.name].mpu
    assert lines == [
        "0x5" if mpu else "0x0",  # MPU_CTRL: on, with the default map for privileged code
        "0xfa050300",  # AIRCR: four bits of priority
        "0x10000" if mpu else "0x0",  # SHCSR: MemManage enabled
        "0xf00000",  # CPACR: FPU on
        "0x7",  # SysTick with its interrupt
        "0x940a",  # CFGR: PLL, APB1 / 4, APB2 / 2
        "0x705",  # FLASH_ACR: caches, prefetch, 5 wait states
        "3 3 0",  # CR: PLL and HSE on and ready, HSI off
    ]


def test_a_timer_callback_can_be_soft_or_in_an_interrupt(prompt: Prompt) -> None:
    lines = prompt.run(
        """
import machine, time, micropython
@micropython.asm_thumb
def ipsr():
    mrs(r0, IPSR)

def show(t):
    print(ipsr(), t)

for unit, hard in (-1, False), (-1, True), (2, False), (2, True), (5, True):
    t = machine.Timer(unit, mode=machine.Timer.ONE_SHOT, period=3, callback=show, hard=hard)
    time.sleep_ms(6)

"""
    )
    assert lines == [
        "0 Timer(-1, mode=ONE_SHOT)",
        "14 Timer(-1, mode=ONE_SHOT)",  # PendSV
        "0 Timer(2, mode=ONE_SHOT)",
        "44 Timer(2, mode=ONE_SHOT)",  # TIM2: interrupt 28
        "66 Timer(5, mode=ONE_SHOT)",  # TIM5: interrupt 50
    ]


def test_interrupts_nest(prompt: Prompt) -> None:
    """TIM5 goes on while the callback of TIM2, of lower priority, runs; not the other way."""
    lines = prompt.run(
        """
import machine, time
ticks = [0, 0]
def tick(t):
    ticks[0] += 1

def slow(t):
    before = ticks[0]
    for i in range(2000):
        pass
    ticks[1] = ticks[0] - before

def nested(slow_unit, quick_unit):
    quick = machine.Timer(quick_unit, freq=2000, callback=tick, hard=True)
    machine.Timer(slow_unit, mode=machine.Timer.ONE_SHOT, period=5, callback=slow, hard=True)
    time.sleep_ms(20)
    quick.deinit()
    return ticks[1]

print(nested(2, 5) > 2, nested(5, 2))
"""
    )
    assert lines == ["True 0"]


def test_a_hard_callback_has_the_heap_locked_and_is_stopped_when_it_raises(
    prompt: Prompt,
) -> None:
    lines = prompt.run(
        """
import machine, time
t = machine.Timer(3, period=2, callback=lambda t: bytearray(100), hard=True)
time.sleep_ms(10)
"""
    )
    assert lines == ["uncaught exception in Timer interrupt handler", "MemoryError: "]


def test_a_pin_interrupt_can_be_triggered_by_software(prompt: Prompt) -> None:
    lines = prompt.run(
        """
from machine import Pin, mem32
import time
seen = []
mark = lambda p: seen.append(p)
SWIER = 0x40013C10
for name, hard in ("PC13", False), ("A0", False):
    Pin(name).irq(mark, Pin.IRQ_FALLING, hard=hard)
    mem32[SWIER] = 1 << (13 if name == "PC13" else 0)
    time.sleep_ms(1)
    Pin(name).irq(None)

print(seen)
try:
    Pin("X9")
except ValueError as e:
    print(e)

"""
    )
    assert lines == ["[Pin(Pin.cpu.C13), Pin(Pin.cpu.A0)]", "Pin(X9) doesn't exist"]


def test_ctrl_c_stops_a_program_that_does_not_listen(prompt: Prompt) -> None:
    for program in (b"while True: pass\r\r\r", b"import time; time.sleep(60)\r"):
        prompt.send(program)
        prompt.board.run_ms(50)
        prompt.send(b"\x03")
        assert "KeyboardInterrupt" in prompt.until(PROMPT)


def test_the_clock_can_be_changed_without_losing_the_console(prompt: Prompt) -> None:
    lines = prompt.run(
        """
import machine
usual = machine.freq()[0]
for hz in 72000000, 24000000, usual:
    machine.freq(hz)
    print(machine.freq())

try:
    machine.freq(TOO_MUCH)
except ValueError as e:
    print(e)

""".replace("TOO_MUCH", f"{LEFT[prompt.name].most_mhz + 4}000000")
    )
    assert lines == [
        freq(72),
        freq(24),
        LEFT[prompt.name].freq,
        "invalid freq",
    ]


WRITE_FILES = """
import os
os.mkdir("lib")
with open("lib/there.py", "w") as f:
    n = f.write("what = 'kept'")

with open("main.py", "w") as f:
    n = f.write("import there, machine; print(there.what, machine.reset_cause())")

space = os.statvfs("/")
with open("big", "w") as f:
    for i in range(min(60, space[0] * space[3] // 1024)):
        n = f.write("%04d" % i * 256)

os.sync()
"""


@pytest.mark.parametrize("name", first_of_each(LEFT, lambda name: LEFT[name].mpu))
def test_files_survive_soft_and_hard_resets_and_main_py_runs(name: str) -> None:
    prompt = Prompt(name)
    assert prompt.run(WRITE_FILES) == []
    assert "kept 2" in hard_reset(prompt)  # machine.HARD_RESET
    prompt.send(b"\x04")
    assert "MPY: soft reboot\r\nkept 0" in prompt.until(PROMPT)  # machine.SOFT_RESET
    prompt.run("import os; os.remove('big')")
    prompt.run("f = open('main.py', 'w'); f.write('print(42)'); f.close()")
    assert "\n42\r\n" in hard_reset(prompt)
    assert prompt.run("import os; print(sorted(os.listdir('/')))") == ["['lib', 'main.py']"]
    assert prompt.board.core.faults == []


def hard_reset(prompt: Prompt) -> str:
    prompt.send(b"import machine; machine.reset()\r")
    return prompt.until(PROMPT)


@pytest.mark.parametrize(("waits_ms", "found"), [(0, "xxxx"), (6000, "XXXX")])
def test_what_is_overwritten_reaches_the_flash_with_a_sync_or_five_seconds_later(
    waits_ms: int, found: str
) -> None:
    """ "X" over "x" needs an erase, so it waits in the cache: see flashbdev.c."""
    prompt = Prompt("NUCLEO_F429ZI")
    prompt.run("f = open('late', 'w'); f.write('x' * 2048); f.close()")
    prompt.run("f = open('late', 'r+'); f.write('X' * 2048)")
    prompt.board.run_ms(waits_ms)
    hard_reset(prompt)
    assert prompt.run("print(open('late').read(4))") == [found]


def test_bootloader_goes_through_a_reset_into_system_memory() -> None:
    prompt = Prompt("NUCLEO_F429ZI")
    prompt.send(b"import machine; machine.bootloader()\r")
    prompt.board.run_ms(50)
    arrival = prompt.board.arrival
    assert arrival is not None
    assert 0x1FFF_0000 <= arrival.address < 0x1FFF_7800  # RM0090 table 5
    off = {str(deviation).split(" ")[0] for deviation in arrival.deviations}
    assert {"SCB.VTOR", "SCB.CPACR"} <= off, "the official firmware leaves these set too"


def test_the_word_above_the_stack_is_honoured_after_a_software_reset_only() -> None:
    prompt = Prompt("PYBV11")
    arm = "from machine import mem32; mem32[0x2001FFF8] = 0; mem32[0x2001FFFC] = 0x5A5"
    prompt.run(arm)
    prompt.board.press_reset()
    prompt.until(PROMPT)
    assert prompt.board.arrival is None
    prompt.run(arm)
    prompt.send(b"mem32[0xE000ED0C] = 0x05FA0004\r")  # AIRCR.SYSRESETREQ
    prompt.board.run_ms(50)
    assert prompt.board.arrival is not None
