"""The port that all families but the F4 have: data makes it run on each core.

What is expected is what the official firmware of the same board has; frequencies are those after a
reset (RM0367 7.2.3, RM0433 8.5.2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from host_tests.firmware.prompt import PROMPT, Prompt
from host_tests.target import MANIFEST


@dataclass(frozen=True)
class Facts:
    """mpy: sys.implementation._mpy; `state` are addresses and what start-up code leaves there."""

    machine: str
    mpy: int
    hz: int
    bl_state: int
    has_assembler: bool
    has_data_cache: bool
    state: dict[int, int]


BOARDS = {
    "NUCLEO_L073RZ": Facts(
        "NUCLEO-L073RZ with STM32L073RZT6",
        mpy=0x0306,  # 6.3, no native code
        hz=2_097_000,
        bl_state=0x2000_4FF8,
        has_assembler=False,
        has_data_cache=False,
        state={0xE000_ED08: 0x0800_0000, 0xE000_ED94: 0},  # VTOR, MPU_CTRL
    ),
    "NUCLEO_H743ZI": Facts(
        "NUCLEO_H743ZI with STM32H743",
        mpy=0x2306,  # 6.3, armv7emdp
        hz=64_000_000,
        bl_state=0x2407_FFF8,
        has_assembler=True,
        has_data_cache=True,
        # VTOR in RAM; both caches (CCR.DC, IC); MPU on with the default map; CPACR
        state={
            0xE000_ED08: 0x2400_0000,
            0xE000_ED14: 0x0007_0200,
            0xE000_ED94: 5,
            0xE000_ED88: 0xF0_0000,
        },
    ),
}


@pytest.fixture(scope="module", params=BOARDS)
def prompt(request: pytest.FixtureRequest) -> Iterator[Prompt]:
    """One board for all tests of a module: each leaves it at its prompt."""
    yield (prompt := Prompt(request.param, MANIFEST))
    assert prompt.board.core.faults == []
    assert prompt.board.soc.unmodelled == []


def test_it_says_what_it_is_as_the_official_firmware_does(prompt: Prompt) -> None:
    facts = BOARDS[prompt.name]
    assert f"MicroPython v1.25.0 on 2025-04-15; {facts.machine}" in prompt.banner
    lines = prompt.run(
        """
import os, sys, machine
print(sys.platform, sys.implementation._build, sys.implementation._mpy)
print(sys.implementation._machine, os.uname().machine)
print(machine.freq()[0], len(machine.unique_id()), machine.reset_cause())
"""
    )
    assert lines == [
        f"pyboard {prompt.name} {facts.mpy}",
        f"{facts.machine} {facts.machine}",
        f"{facts.hz} 12 1",  # machine.PWRON_RESET
    ]


def test_the_chip_is_as_an_application_leaves_it(prompt: Prompt) -> None:
    state = BOARDS[prompt.name].state
    addresses = ", ".join(str(address) for address in state)
    lines = prompt.run(
        f"""
from machine import mem32
for a in {addresses}:
    print(mem32[a] & 0xffffffff)

"""
    )
    assert [int(line) for line in lines] == list(state.values())


def test_a_timer_calls_back(prompt: Prompt) -> None:
    lines = prompt.run(
        """
import machine, time
seen = []
t = machine.Timer(-1)
t.init(mode=machine.Timer.ONE_SHOT, period=20, callback=lambda t: seen.append(time.ticks_ms()))
now = time.ticks_ms(); time.sleep_ms(60)
print(len(seen), 18 <= time.ticks_diff(seen[0], now) <= 24)
"""
    )
    assert lines == ["1 True"]


def test_time_is_real_time(prompt: Prompt) -> None:
    before = prompt.board.clock.now
    prompt.run("import time; time.sleep_ms(200)")
    assert 200 <= (prompt.board.clock.now - before) / 1e6 < 400


def test_the_heap_survives_collections(prompt: Prompt) -> None:
    """The registers and the stack are scanned by the helper of the core."""
    lines = prompt.run(
        """
import gc
def f(n):
    keep = [bytearray(16) for i in range(8)]
    gc.collect()
    for k in keep:
        k[0] += 1
    return sum(k[0] for k in keep) + (f(n - 1) if n else 0)

print(f(4), gc.mem_free() > 4000)
"""
    )
    assert lines == ["40 True"]


def test_the_assembler_is_there_as_in_the_official_firmware(prompt: Prompt) -> None:
    lines = prompt.run(
        """
@micropython.asm_thumb
def ipsr():
    mrs(r0, IPSR)

print(ipsr())
"""
    )
    assert (lines[-1] == "0") == BOARDS[prompt.name].has_assembler


def test_ctrl_c_stops_a_program_that_does_not_listen(prompt: Prompt) -> None:
    for program in (b"while True: pass\r\r\r", b"import time; time.sleep(60)\r"):
        prompt.send(program)
        prompt.board.run_ms(100)
        prompt.send(b"\x03")
        assert "KeyboardInterrupt" in prompt.until(PROMPT)


def test_the_library_is_frozen_in(prompt: Prompt) -> None:
    assert prompt.run("import romboot; print(romboot.__file__)") == ["romboot/__init__.py"]


def test_resets_say_why(prompt: Prompt) -> None:
    prompt.send(b"import machine; machine.reset()\r")
    prompt.until(PROMPT)
    assert prompt.run("import machine; print(machine.reset_cause())") == ["2"]  # HARD_RESET
    prompt.send(b"\x04")
    assert "MPY: soft reboot" in prompt.until(PROMPT)
    assert prompt.run("import machine; print(machine.reset_cause())") == ["0"]  # SOFT_RESET


def test_a_fault_says_where_it_was(prompt: Prompt) -> None:
    prompt.send(b"import machine; machine.mem32[0xA0000000]\r")
    assert "FATAL: fault 3 at pc=08" in prompt.until(PROMPT)
    assert len(prompt.board.core.faults) == 1
    prompt.board.core.faults.clear()


@pytest.mark.parametrize("name", BOARDS)
def test_bootloader_goes_through_a_reset_into_system_memory(name: str) -> None:
    prompt = Prompt(name)
    prompt.send(b"import machine; machine.bootloader()\r")
    assert prompt.board.run_to_rom(200) is not None


@pytest.mark.parametrize("name", BOARDS)
def test_the_word_above_the_stack_is_honoured_after_a_software_reset_only(name: str) -> None:
    prompt = Prompt(name)
    at = BOARDS[name].bl_state
    rom = prompt.board.chip.rom["base"]
    target = 0 if prompt.board.chip.remap else rom
    arm = f"from machine import mem32; mem32[{at}] = 0; mem32[{at + 4}] = {target | 0x5A5}"
    if BOARDS[name].has_data_cache:
        arm += f"; mem32[0xE000EF68] = {at}"  # DCCMVAC: clean the line, or a reset loses it
    prompt.run(arm)
    prompt.board.press_reset()
    prompt.until(PROMPT)
    assert prompt.board.arrival is None
    prompt.run(arm)
    prompt.send(b"mem32[0xE000ED0C] = 0x05FA0004\r")  # AIRCR.SYSRESETREQ
    assert prompt.board.run_to_rom(200) is not None
