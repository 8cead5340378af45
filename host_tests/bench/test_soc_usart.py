"""USART: characters take their time and need their pins (RM0090 30)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import Bench
from tools.bench.blocks.usart import Line, Usart

PE, FE, NE, ORE, IDLE, RXNE, TC, TXE = (1 << n for n in range(8))
RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE, UE = (1 << n for n in (2, 3, 4, 5, 6, 7, 13))
IRQ = 39
CHARACTER_NS = 86_805  # 10 bits at 115200


class Setup(Bench):
    """USART3 at 115200 from HSI on PD8 and PD9, and a cable on these pins."""

    def __init__(self) -> None:
        super().__init__()
        self.enable("USART3", "GPIOD")
        self.write("GPIOD.AFRH", 0x77)
        self.write("GPIOD.MODER", 0xA << 16)
        self.write("USART3.BRR", 139)
        self.write("USART3.CR1", UE | TE | RE)
        self.sent = bytearray()
        usart = self.soc.blocks["USART3"]
        assert isinstance(usart, Usart)
        self.usart = usart
        port, _ = self.soc.gpio("PD8")
        self.line = Line(
            115_200,
            lambda: port.alternate(8) == 7,
            lambda: port.alternate(9) == 7,
            self.sent.extend,
        )
        usart.lines.append(self.line)

    def receive(self, data: bytes) -> None:
        self.usart.receive(self.line, data)


def test_two_characters_fill_shift_register_and_dr() -> None:
    s = Setup()
    assert s.read("USART3.SR") == TXE | TC
    s.write("USART3.DR", 0x41)
    assert s.read("USART3.SR") == TXE
    s.write("USART3.DR", 0x42)
    assert s.soc.blocks["USART3"].get("SR") == 0
    s.pass_ns(CHARACTER_NS + 100)
    assert (s.sent, s.read("USART3.SR")) == (b"A", TXE)
    s.pass_ns(CHARACTER_NS + 100)
    assert (s.sent, s.read("USART3.SR")) == (b"AB", TXE | TC)


def test_a_character_takes_ten_bit_times() -> None:
    s = Setup()
    s.write("USART3.DR", 0x41)
    s.pass_ns(CHARACTER_NS - 500)
    assert s.sent == b""
    s.pass_ns(1000)
    assert s.sent == b"A"


def test_nothing_leaves_through_a_pin_without_the_alternate_function() -> None:
    s = Setup()
    s.write("GPIOD.AFRH", 0)
    s.write("USART3.DR", 0x41)
    s.pass_ns(10 * CHARACTER_NS)
    assert s.sent == b""


def test_a_wrong_baud_rate_garbles_both_ways() -> None:
    s = Setup()
    s.write("USART3.BRR", 100)
    s.write("USART3.DR", 0x41)
    s.receive(b"A")
    s.pass_ns(2 * CHARACTER_NS)
    assert s.sent and s.sent != b"A"
    assert s.read("USART3.SR") & FE
    assert s.read("USART3.DR") != 0x41


def test_received_characters_come_one_after_the_other() -> None:
    s = Setup()
    s.write("USART3.CR1", UE | RE | RXNEIE)
    s.receive(b"hi")
    assert not s.read("USART3.SR") & RXNE
    s.pass_ns(CHARACTER_NS + 100)
    assert IRQ in s.cpu.irqs
    assert s.read("USART3.SR") & RXNE
    assert s.read("USART3.DR") == ord("h")
    assert IRQ not in s.cpu.irqs
    s.pass_ns(CHARACTER_NS)
    assert s.read("USART3.DR") == ord("i")


def test_a_character_that_nobody_fetched_is_lost_as_an_overrun() -> None:
    s = Setup()
    s.receive(b"ab")
    s.pass_ns(3 * CHARACTER_NS)
    assert s.read("USART3.SR") & (ORE | RXNE) == ORE | RXNE
    assert s.read("USART3.DR") == ord("a")
    assert not s.read("USART3.SR") & (ORE | RXNE)


def test_idle_follows_a_frame_of_silence_and_is_cleared_by_sr_then_dr() -> None:
    s = Setup()
    s.write("USART3.CR1", UE | RE | IDLEIE)
    s.receive(b"a")
    s.pass_ns(CHARACTER_NS + 100)
    s.read("USART3.DR")
    assert IRQ not in s.cpu.irqs
    s.pass_ns(CHARACTER_NS)
    assert IRQ in s.cpu.irqs
    s.read("USART3.DR")  # without SR first: stays
    assert IRQ in s.cpu.irqs
    assert s.read("USART3.SR") & IDLE
    s.read("USART3.DR")
    assert IRQ not in s.cpu.irqs


@pytest.mark.parametrize("cr1", [0, UE, RE])
def test_what_comes_while_nobody_listens_is_lost(cr1: int) -> None:
    s = Setup()
    s.write("USART3.CR1", cr1)
    s.receive(b"x")
    s.write("USART3.CR1", UE | RE)
    s.pass_ns(5 * CHARACTER_NS)
    assert not s.read("USART3.SR") & RXNE


def test_what_was_on_its_way_when_the_receiver_was_off_for_a_moment_is_lost() -> None:
    s = Setup()
    s.receive(b"abc")
    s.write("USART3.CR1", 0)
    s.write("USART3.CR1", UE | TE | RE)
    s.pass_ns(10 * CHARACTER_NS)
    assert not s.read("USART3.SR") & (RXNE | IDLE)
    s.receive(b"d")
    s.pass_ns(CHARACTER_NS + 100)
    assert s.read("USART3.DR") == ord("d")


def test_an_rx_pin_without_the_alternate_function_hears_nothing() -> None:
    s = Setup()
    s.write("GPIOD.MODER", 0x2 << 16)
    s.receive(b"x")
    s.pass_ns(5 * CHARACTER_NS)
    assert not s.read("USART3.SR") & RXNE


def test_transmit_interrupts_follow_their_enable_bits() -> None:
    s = Setup()
    assert IRQ not in s.cpu.irqs
    s.set("USART3.CR1", TXEIE)
    assert IRQ in s.cpu.irqs
    s.write("USART3.DR", 1)
    s.write("USART3.DR", 2)
    assert IRQ not in s.cpu.irqs
    s.pass_ns(CHARACTER_NS + 100)
    assert IRQ in s.cpu.irqs


def test_tc_is_cleared_by_writing_0() -> None:
    s = Setup()
    s.write("USART3.SR", 0xFFFFFFFF & ~TC)
    assert s.read("USART3.SR") == TXE


def test_reset_forgets_what_was_on_its_way() -> None:
    s = Setup()
    s.write("USART3.DR", 0x41)
    s.receive(b"abc")
    s.pulse_reset("USART3")
    s.pass_ns(10 * CHARACTER_NS)
    assert s.sent == b""
    assert s.read("USART3.SR") == TXE | TC


def test_a_program_that_waits_for_txe_is_taken_there_at_once() -> None:
    s = Setup()
    s.write("USART3.DR", 1)
    s.write("USART3.DR", 2)
    polls = 0
    while not s.read("USART3.SR") & TXE:
        polls += 1
    assert polls < 20
    assert s.sent == b"\x01"


def test_a_program_that_waits_for_tc_too() -> None:
    s = Setup()
    s.write("USART3.DR", 1)
    polls = 0
    while not s.read("USART3.SR") & TC:
        polls += 1
    assert polls < 20
    assert s.sent == b"\x01"
