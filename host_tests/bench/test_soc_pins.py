"""GPIO and EXTI (RM0090 8, 12)."""

from __future__ import annotations

from host_tests.bench.fake_cpu import Bench


def test_ports_a_and_b_come_up_with_the_debug_pins() -> None:
    b = Bench()
    b.enable("GPIOA", "GPIOB", "GPIOC")
    assert b.read("GPIOA.MODER") == 0xA8000000
    assert b.read("GPIOA.PUPDR") == 0x64000000
    assert b.read("GPIOB.MODER") == 0x00000280
    assert b.read("GPIOC.MODER") == 0


def test_bsrr_sets_and_clears_and_idr_shows_outputs() -> None:
    b = Bench()
    b.enable("GPIOD")
    b.write("GPIOD.MODER", 0b0101)
    b.write("GPIOD.BSRR", 0x00000003)
    b.write("GPIOD.BSRR", 0x00020000)
    assert b.read("GPIOD.ODR") == b.read("GPIOD.IDR") == 1


def test_half_word_writes_to_bsrr_touch_their_half() -> None:
    b = Bench()
    b.enable("GPIOD")
    port = b.soc.blocks["GPIOD"]
    port.write(0x18, 2, 0x0003)
    port.write(0x1A, 2, 0x0001)
    assert b.read("GPIOD.ODR") == 2


def test_byte_writes_change_one_byte_of_a_register() -> None:
    b = Bench()
    b.enable("GPIOD")
    b.write("GPIOD.AFRL", 0x11223344)
    b.soc.blocks["GPIOD"].write(0x21, 1, 0xAA)
    assert b.read("GPIOD.AFRL") == 0x1122AA44
    assert b.soc.blocks["GPIOD"].read(0x22, 2) == 0x1122


def test_inputs_show_the_pull_up_or_who_drives_them() -> None:
    b = Bench()
    b.enable("GPIOC")
    port, pin = b.soc.gpio("PC13")
    assert not b.read("GPIOC.IDR") >> 13 & 1
    b.write("GPIOC.PUPDR", 1 << 26)
    assert b.read("GPIOC.IDR") >> 13 & 1
    port.drive(pin, False)
    assert not b.read("GPIOC.IDR") >> 13 & 1
    port.drive(pin, None)
    assert b.read("GPIOC.IDR") >> 13 & 1
    b.write("GPIOC.PUPDR", 0)
    assert not b.read("GPIOC.IDR") >> 13 & 1
    port.pulled_up.add(pin)
    assert b.read("GPIOC.IDR") >> 13 & 1
    port.drive(pin, False)
    assert not b.read("GPIOC.IDR") >> 13 & 1


def test_a_button_pends_its_exti_line_if_its_port_is_selected() -> None:
    b = Bench()
    b.enable("SYSCFG")
    b.write("EXTI.RTSR", 1 << 13)
    b.write("EXTI.IMR", 1 << 13)
    port, pin = b.soc.gpio("PC13")
    port.drive(pin, True)
    assert b.read("EXTI.PR") == 0  # EXTICR4 says port A
    port.drive(pin, False)
    b.write("SYSCFG.EXTICR4", 2 << 4)
    port.drive(pin, True)
    assert b.read("EXTI.PR") == 1 << 13
    assert 40 in b.cpu.irqs
    b.write("EXTI.PR", 1 << 13)
    assert b.read("EXTI.PR") == 0
    assert 40 not in b.cpu.irqs


def test_two_lines_on_one_interrupt_keep_it_up_together() -> None:
    b = Bench()
    b.write("EXTI.IMR", 0x60)
    b.write("EXTI.SWIER", 0x60)
    b.write("EXTI.PR", 0x20)
    assert 23 in b.cpu.irqs
    b.write("EXTI.PR", 0x40)
    assert 23 not in b.cpu.irqs
    assert b.read("EXTI.SWIER") == 0
