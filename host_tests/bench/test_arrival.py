"""The audit: silent after a real reset into system memory, and it names whatever differs."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import Bench
from tools.bench import sysmem
from tools.bench.arrival import Deviation, audit, audit_peripherals, dotted
from tools.bench.blocks.hsem import END as SEMAPHORES_END
from tools.bench.blocks.hsem import Hsem
from tools.bench.board import core_spec
from tools.bench.chip import load, names
from tools.bench.clock import Clock
from tools.bench.core import Core
from tools.bench.soc import Soc

BOARD_CHIPS = (
    "STM32F405xx",
    "STM32F429xx",
    "STM32F722xx",
    "STM32F767xx",
    "STM32G0B1xx",
    "STM32G474xx",
    "STM32L073xx",
    "STM32L476xx",
    "STM32U585xx",
    "STM32U5A5xx",
    "STM32WB55xx",
    "STM32WL55xx",
    "STM32H573xx",
    "STM32H743xx",
)


class Machine:
    """A chip that was reset with BOOT0 high, before its first instruction."""

    def __init__(self, name: str) -> None:
        chip = load(name)
        self.clock = Clock()
        self.core = Core(core_spec(chip), self.clock)
        self.soc = Soc(chip, self.core, self.clock, pc=lambda: self.core.state().pc)
        self.reboot()

    def reboot(self) -> None:
        self.soc.boot0 = True
        self.soc.power_on()

    def audit(self) -> list[Deviation]:
        return audit(self.soc, self.core)

    def names(self) -> list[str]:
        return [deviation.name for deviation in self.audit()]

    def store(self, address: int, value: int) -> None:
        """A store of the program."""
        self.core.bus.store(address, 4, value)
        self.core.run(cycles=1)
        self.core.engine.branch(sysmem.reset_vector(self.soc.chip))


@pytest.fixture(scope="module")
def f429() -> Machine:
    return Machine("STM32F429xx")


@pytest.fixture
def machine(f429: Machine) -> Machine:
    f429.reboot()
    return f429


@pytest.mark.parametrize("chip", names())
def test_a_reset_into_system_memory_is_clean(chip: str) -> None:
    assert Machine(chip).audit() == []


def test_a_second_reset_is_clean_too(machine: Machine) -> None:
    machine.soc.reset("SFT")
    assert machine.audit() == []


@pytest.mark.parametrize("chip", BOARD_CHIPS)
def test_each_register_that_is_changed_is_named_alone(chip: str) -> None:
    """Flip one bit of one register after the other: exactly that register must be named."""
    soc = Machine(chip).soc
    kept = soc.chip.kept
    for block in soc.blocks.values():
        for offset, register in block.by_offset.items():
            name = f"{block.name}.{register.name}"
            compared = register.compared & ~(kept[name].bits if name in kept else 0)
            if block.name in kept or not compared:
                continue
            bit = compared & -compared
            if register.name == "CNT":  # worked out, not kept
                continue
            block.values[offset] ^= bit
            assert [d.name for d in audit_peripherals(soc)] == [name]
            block.values[offset] ^= bit


@pytest.mark.parametrize("chip", BOARD_CHIPS)
def test_each_row_that_was_written_is_named_alone_until_its_reset(chip: str) -> None:
    """With the value and the offset; a block that nothing resets is in order with 0."""
    bench = Bench(chip)
    soc = bench.soc
    bench.write(f"{soc.syscfg.name}.{soc.chip.remap.register}", 1) if soc.chip.remap else None
    for block in soc.blocks.values():
        first = SEMAPHORES_END if isinstance(block, Hsem) else 0
        free = next(o for o in range(first, block.size, 4) if o not in block.by_offset)
        if block.facts.whole or block.name in soc.chip.kept:
            continue
        block.hold(False)
        block.set_clock(True)
        block.write(free, 4, 0x1234)
        sentence = f"{block.name}+0x{free:02X}"
        found = [d for d in audit_peripherals(soc) if d.name.startswith(f"{block.name}+")]
        assert [d.name for d in found] == [sentence], block.name
        assert "is 0x00001234" in str(found[0]) and "written and never reset" in str(found[0])
        if block.facts.reset:
            block.hold(True)
            block.hold(False)
        else:
            block.write(free, 4, 0)
        assert not [d for d in audit_peripherals(soc) if d.name.startswith(f"{block.name}+")]


@pytest.mark.parametrize("chip", BOARD_CHIPS)
def test_most_registers_are_compared(chip: str) -> None:
    """What is left out must stay the exception: data registers, inputs, option bytes."""
    soc = Machine(chip).soc
    left_out = {
        f"{block.facts.kind}.{register.name}".rstrip("0123456789")
        for block in soc.blocks.values()
        for register in block.by_offset.values()
        if not register.compared and block.name not in soc.chip.kept
    }
    data = {
        "crc.DR",
        "gpio.IDR",
        "usart.DR",
        "lpuart.RDR",
        "lpuart.TDR",
        "usart.RDR",
        "usart.TDR",
        "otg.DIEPINT",
        "otg.DOEPINT",
    }
    factory = {"rcc.CRRCR", "syscfg.CCVR", "syscfg.PKGR", "syscfg.UR"}
    ranges = {"flash.PRAR_CUR", "flash.PRAR_PRG", "flash.SCAR_CUR", "flash.SCAR_PRG"}
    ecc = {"flash.ECC_FA", "flash.ECCR", "flash.ECC2R"}
    assert left_out <= data | factory | ranges | ecc | {"syscfg.IT_LINE_SR"}


def test_a_deviation_is_a_sentence(machine: Machine) -> None:
    machine.store(0x40023844, 1 << 14)
    assert [str(d) for d in machine.audit()] == [
        "RCC.APB2ENR (0x40023844) is 0x00004000, expected 0x00000000"
    ]


@pytest.mark.parametrize(
    ("address", "value", "name"),
    [
        (0xE000E010, 0x4, "SYST.CSR"),
        (0xE000E014, 0x1234, "SYST.RVR"),
        (0xE000E104, 1 << 7, "NVIC.ISER1"),
        (0xE000E408, 0x10, "NVIC.IPR2"),
        (0xE000ED08, 0x20000000, "SCB.VTOR"),
        (0xE000ED0C, 0x05FA0300, "SCB.AIRCR"),
        (0xE000ED10, 0x4, "SCB.SCR"),
        (0xE000ED14, 0x218, "SCB.CCR"),
        (0xE000ED20, 0xF0000000, "SCB.SHPR3"),
        (0xE000ED24, 0x70000, "SCB.SHCSR"),
        (0xE000ED88, 0xF00000, "SCB.CPACR"),
        (0xE000ED94, 0x4, "MPU.CTRL"),
        (0xE000EDA0, 0x03000027, "MPU.RASR0"),
        (0xE000EF34, 0x80000000, "SCB.FPCCR"),
    ],
)
def test_system_registers_are_compared(
    machine: Machine, address: int, value: int, name: str
) -> None:
    machine.core.bus.store(address, 4, value)
    assert machine.names() == [name]


def test_a_pending_interrupt_shows_twice(machine: Machine) -> None:
    machine.core.bus.store(0xE000E204, 4, 1 << 7)
    assert machine.names() == ["SCB.ICSR", "NVIC.ISPR1"]


@pytest.mark.parametrize(
    ("register", "value", "name"),
    [
        ("msp", 0x20002F00, "CPU.MSP"),
        ("pc", 0x1FFF0200, "CPU.PC"),
        ("lr", 0x08000101, "CPU.LR"),
        ("control", 2, "CPU.CONTROL"),
        ("primask", 1, "CPU.PRIMASK"),
        ("basepri", 0x80, "CPU.BASEPRI"),
        ("faultmask", 1, "CPU.FAULTMASK"),
    ],
)
def test_cpu_state_is_compared(machine: Machine, register: str, value: int, name: str) -> None:
    from unicorn import arm_const

    number = getattr(arm_const, f"UC_ARM_REG_{register.upper()}")
    machine.core.engine.uc.reg_write(number, value)
    assert name in machine.names()
    assert all(n.startswith("CPU.") for n in machine.names())


def test_mem_mode_must_show_system_memory(machine: Machine) -> None:
    machine.soc.syscfg.put("MEMRMP", 0)
    (deviation,) = machine.audit()
    assert deviation.name == "SYSCFG.MEMRMP"
    assert deviation.expected == 1


def test_system_memory_must_have_been_mapped_with_the_clock_of_syscfg(machine: Machine) -> None:
    machine.soc.syscfg.write(0, 4, 1)
    (deviation,) = machine.audit()
    assert (deviation.name, deviation.value) == ("SYSCFG.MEMRMP", 1)
    assert "no clock" in deviation.why


def test_what_a_reset_keeps_is_not_compared(machine: Machine) -> None:
    soc = machine.soc
    soc.rcc.put("BDCR", 0x8103)
    soc.rcc.put("CSR", 0x14000000)
    soc.blocks["DBGMCU"].put("CR", 7)
    soc.rtc.written[0x50] = 0x1234  # BKP0R
    soc.flash.put("OPTCR", 0x0FFF55ED)
    assert machine.audit() == []
    soc.flash.put("OPTCR", 0x0FFF55EC)  # OPTLOCK is no option byte
    assert machine.names() == ["FLASH.OPTCR"]


def test_a_running_watchdog_is_kept_and_lsi_with_it(machine: Machine) -> None:
    machine.soc.rcc.put("CSR", 3)
    assert machine.names() == ["RCC.CSR"]
    machine.soc.rcc.put("CSR", 0)
    machine.soc.iwdg.write(0, 4, 0xCCCC)
    machine.core.run(cycles=2_000)
    machine.core.engine.branch(sysmem.reset_vector(machine.soc.chip))
    assert machine.audit() == []


def test_violations_are_reported(machine: Machine) -> None:
    machine.soc.violation("something a chip may not survive")
    assert machine.names() == ["violation"]
    machine.soc.violations.clear()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("NVIC_ISER0", "NVIC.ISER0"), ("SYST_CSR", "SYST.CSR"), ("VTOR", "SCB.VTOR")],
)
def test_names_of_system_registers(name: str, shown: str) -> None:
    assert dotted(name) == shown
