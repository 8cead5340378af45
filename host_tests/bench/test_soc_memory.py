"""What is where: registers, the alias at 0, system memory, external memory."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import Bench
from tools.bench.chip import load, names
from tools.bench.cpu.memory import BusError
from tools.bench.external import ExternalMemory


def test_a_peripheral_without_behaviour_keeps_what_is_written_until_its_reset() -> None:
    b = Bench()
    assert b.read("SPI1+0x10") == 0
    b.write("SPI1+0x10", 7)  # no clock: dropped
    b.enable("SPI1")
    assert b.read("SPI1+0x10") == 0
    b.write("SPI1+0x10", 0x12345678)
    b.write("SPI1+0x11", 0xAA, 1)
    assert b.read("SPI1+0x10") == 0x1234AA78
    assert b.read("SPI1+0x12", 2) == 0x1234
    b.pulse_reset("SPI1")
    assert b.read("SPI1+0x10") == 0
    assert b.soc.unmodelled == []


def test_so_do_the_other_registers_of_one_that_behaves() -> None:
    b = Bench()
    b.enable("TIM3")
    b.write("TIM3+0x34", 5)  # CCR1
    b.write("TIM3.PSC", 7)
    assert (b.read("TIM3+0x34"), b.read("TIM3.PSC")) == (5, 7)
    b.pulse_reset("TIM3")
    assert (b.read("TIM3+0x34"), b.read("TIM3.PSC")) == (0, 0)


def test_an_offset_without_register_of_a_core_block_is_reported_and_reads_0() -> None:
    b = Bench()
    pwr = b.soc.blocks["PWR"]
    b.enable("PWR")
    assert pwr.read(0x44, 4) == 0
    pwr.write(0x44, 4, 1)
    assert b.soc.unmodelled == [
        "the program reads 0x40007044, where PWR has no register (PC 0x20000000)",
        "the program writes 0x1 to 0x40007044, where PWR has no register (PC 0x20000000)",
    ]


def test_mem_mode_moves_the_alias_after_the_instruction() -> None:
    b = Bench()
    assert b.cpu.memories[0] is b.soc.flash.array
    b.enable("SYSCFG")
    b.soc.blocks["SYSCFG"].write(0, 4, 1)
    assert b.cpu.memories[0] is b.soc.flash.array  # the instruction is not over
    b.cpu.finish_instruction()
    assert b.cpu.memories[0] is b.soc.map.system
    b.write("SYSCFG.MEMRMP", 3)
    assert b.cpu.memories[0].name == "SRAM"
    b.pulse_reset("SYSCFG")
    assert b.cpu.memories[0] is b.soc.flash.array


def chips_whose_remap_has_a_clock() -> list[str]:
    return [n for n in names() if load(n).remap and load(n).peripheral("SYSCFG").enable]


@pytest.mark.parametrize("chip", chips_whose_remap_has_a_clock())
def test_the_remap_takes_a_write_without_the_clock_of_syscfg(chip: str) -> None:
    """As F405 and F411 do by report, which is remembered; the other registers stay."""
    b = Bench(chip)
    syscfg, remap = b.soc.syscfg, b.soc.chip.remap
    assert remap
    other = next(r for r in syscfg.by_name.values() if r.writable and r.name != remap.register)
    system = remap.value("SYSTEM")
    b.write(f"SYSCFG.{other.name}", ~other.reset)
    b.write(f"SYSCFG.{remap.register}", system)
    assert b.read(f"SYSCFG.{remap.register}") == 0
    assert b.cpu.memories[0] is b.soc.map.system
    assert syscfg.problem
    b.enable("SYSCFG")
    assert b.read(f"SYSCFG.{other.name}") == other.reset
    assert b.read(f"SYSCFG.{remap.register}") & remap.mask == system
    assert syscfg.problem


@pytest.mark.parametrize("how", ["write", "reset", "pulse"])
def test_what_is_at_0_is_in_order_again_after(how: str) -> None:
    b = Bench()
    b.write("SYSCFG.MEMRMP", 1)
    b.enable("SYSCFG")
    if how == "write":
        b.write("SYSCFG.MEMRMP", 1)
    elif how == "reset":
        b.soc.reset("PIN")
    else:
        b.pulse_reset("SYSCFG")
    assert not b.soc.syscfg.problem


def test_memrmp_is_not_written_while_syscfg_is_held_in_reset() -> None:
    b = Bench()
    b.set("RCC.APB2RSTR", 1 << 14)
    b.write("SYSCFG.MEMRMP", 1)
    assert b.cpu.memories[0] is b.soc.flash.array


def test_boot0_shows_system_memory_at_0() -> None:
    b = Bench()
    b.soc.boot0 = True
    b.soc.reset("PIN")
    b.enable("SYSCFG")
    assert b.read("SYSCFG.MEMRMP") == 1
    assert b.cpu.memories[0] is b.soc.map.system


def test_ccm_is_not_executable() -> None:
    b = Bench()
    assert not b.cpu.executable[0x10000000]
    assert b.cpu.executable[0x20000000]


def test_system_memory_has_a_vector_table_the_id_and_the_factory_bytes() -> None:
    b = Bench()
    system = b.cpu.memories[0x1FFF0000]
    assert not b.cpu.writable[0x1FFF0000]
    assert system.load(0, 4) == 0x20003000
    reset = system.load(4, 4)
    assert reset & 1 and 0x1FFF0000 < reset < 0x1FFF7800
    assert system.read((reset & ~1) - 0x1FFF0000, 2) == b"\xfe\xe7"
    assert system.load(0x76DE, 1) == 0x91
    assert system.load(0x7A22, 2) == 2048
    assert system.read(0x1000, 64) != bytes(64)


def test_sdram_is_there_only_while_the_fmc_runs_it() -> None:
    sdram = ExternalMemory("sdram", 8 * 1024 * 1024, bank=2)
    b = Bench(externals=(sdram,))
    assert 0xD0000000 not in b.cpu.memories
    b.enable("FMC")
    for command in (1, 2, 3 | 3 << 5, 4 | 0x231 << 9):
        b.write("FMC.SDCMR", command | 1 << 3)
    assert b.cpu.memories[0xD0000000] is sdram.memory
    b.soc.write_memory(0xD0000000, 4, 7)
    b.pulse_reset("FMC")
    assert 0xD0000000 not in b.cpu.memories
    with pytest.raises(BusError):
        b.soc.read_memory(0xD0000000, 4)


def test_ram_is_there_while_it_has_a_clock() -> None:
    """SRAM4 of a U5 has it after a reset."""
    b, base = Bench("STM32U585xx"), 0x28000000
    assert b.cpu.memories[base].name == "SRAM4"
    b.clear("RCC.AHB3ENR", 1 << 31)
    assert base not in b.cpu.memories
    b.soc.reset("PIN")
    assert b.cpu.memories[base].name == "SRAM4"


def test_sdram_is_gone_without_the_clock_of_the_fmc() -> None:
    b = Bench(externals=(ExternalMemory("sdram", 0x100000, bank=1),))
    b.enable("FMC")
    b.write("FMC.SDCMR", 4 | 1 << 4)
    assert 0xC0000000 in b.cpu.memories
    b.write("RCC.AHB3ENR", 0)
    assert 0xC0000000 not in b.cpu.memories


def test_qspi_flash_is_there_in_memory_mapped_mode() -> None:
    b = Bench("STM32F469xx", externals=(ExternalMemory("qspi", 0x100000),))
    b.enable("QUADSPI")
    b.write("QUADSPI.CR", 1)
    b.write("QUADSPI.CCR", 3 << 26)
    assert not b.cpu.writable[0x90000000]
    b.write("QUADSPI.CR", 0)
    assert 0x90000000 not in b.cpu.memories


def test_an_external_memory_needs_a_bank_that_exists() -> None:
    with pytest.raises(ValueError, match="sdram 1, sdram 2, nor 1"):
        ExternalMemory("sdram", 1024, bank=3)


def test_a_pin_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="STM32F411xE has no pin PF1"):
        Bench("STM32F411xE").soc.gpio("PF1")
