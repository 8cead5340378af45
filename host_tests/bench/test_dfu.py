"""The USB bootloader request by request, against what AN3156 says. No host, no CPU."""

from __future__ import annotations

import dataclasses
from random import Random

import pytest

from host_tests.bench.plain_rom import F429ZI, ManualClock, PlainMemory
from tools.bench.rom import Dfu, RomFacts, UsbFacts
from tools.bench.rom.dfu_codes import Request, State, Status
from tools.bench.rom.facts import KIB, MS

FLASH, SECTOR_5, RAM, OPTIONS = 0x0800_0000, 0x0802_0000, 0x2000_4000, 0x1FFF_C000
NOWHERE = 0x6000_0000
TRANSFER = 2048
ROM_OF_F4 = UsbFacts(
    version=0x2200,
    product="STM32  BOOTLOADER",
    serial="",
    serial_changes=False,
    transfer=TRANSFER,
    alternates=("@Internal Flash  /0x08000000/04*016Kg",),
    connect_ns=250 * MS,
    starts_in_error=True,
    answers_leave=True,
)
F4 = dataclasses.replace(F429ZI, usb=ROM_OF_F4)
STALL = None
OK = (Status.OK, State.DNLOAD_IDLE)
DATA = bytes(range(256)) * 8


class Host:
    """A ROM that has been enumerated, and the requests of a host."""

    def __init__(self, facts: RomFacts = F4, *, clock: ManualClock | None = None) -> None:
        self.memory = PlainMemory(facts)
        self.went: list[int] = []
        self.resets = 0
        self.said: list[str] = []
        self.poll = 0
        self.dfu = Dfu(
            facts,
            self.memory,
            self.went.append,
            self._reset,
            after=clock.after if clock else None,
            say=self.said.append,
        )
        if self.dfu.state is State.ERROR:
            self.request(Request.CLRSTATUS)

    def _reset(self) -> None:
        self.resets += 1

    def ask(
        self, request: int, value: int = 0, length: int = 0, data: bytes = b""
    ) -> list[bytes | None]:
        """The answers so far: none while the ROM is busy."""
        answers: list[bytes | None] = []
        self.dfu.request(request, value, length or len(data), data, answers.append)
        return answers

    def request(
        self, request: int, value: int = 0, length: int = 0, data: bytes = b""
    ) -> bytes | None:
        (answer,) = self.ask(request, value, length, data)
        return answer

    def status(self) -> tuple[int, int]:
        """Status and state."""
        answer = self.request(Request.GETSTATUS, length=6)
        assert answer
        self.poll = int.from_bytes(answer[1:4], "little")
        return answer[0], answer[4]

    def command(self, data: bytes, block: int = 0) -> tuple[int, int]:
        """Download, then the two requests for the status; the second answer."""
        assert self.request(Request.DNLOAD, block, data=data) == b""
        assert self.status() == (Status.OK, State.DNBUSY)
        return self.status()

    def point_to(self, address: int) -> tuple[int, int]:
        return self.command(b"\x21" + address.to_bytes(4, "little"))

    def erase(self, address: int) -> tuple[int, int]:
        return self.command(b"\x41" + address.to_bytes(4, "little"))

    def write(self, address: int, data: bytes) -> tuple[int, int]:
        assert self.point_to(address) == OK
        return self.command(data, block=2)

    def read(self, address: int, length: int, block: int = 2) -> bytes | None:
        if self.point_to(address) != OK:
            return STALL
        self.request(Request.ABORT)
        return self.request(Request.UPLOAD, block, length)

    def leave(self) -> tuple[int, int]:
        assert self.request(Request.DNLOAD) == b""
        return self.status()


# --- states ----------------------------------------------------------------------------------


def test_a_new_rom_of_an_f4_is_in_an_error_until_it_is_cleared() -> None:
    host = Host()
    host.dfu.bus_reset()
    assert host.status() == (Status.FIRMWARE, State.ERROR)
    assert host.request(Request.DNLOAD, data=b"\x41") is STALL
    host.request(Request.CLRSTATUS)
    assert host.status() == (Status.OK, State.IDLE)


def test_a_new_rom_of_an_h7_is_idle() -> None:
    host = Host(dataclasses.replace(F4, usb=dataclasses.replace(ROM_OF_F4, starts_in_error=False)))
    assert host.status() == (Status.OK, State.IDLE)


def test_the_states_of_a_download() -> None:
    host = Host()
    host.request(Request.DNLOAD, data=b"\x21" + FLASH.to_bytes(4, "little"))
    assert host.request(Request.GETSTATE, length=1) == bytes([State.DNLOAD_SYNC])
    assert host.status() == (Status.OK, State.DNBUSY)
    assert host.status() == OK
    host.request(Request.ABORT)
    assert host.status() == (Status.OK, State.IDLE)


def test_clrstatus_without_an_error_is_one() -> None:
    host = Host()
    host.request(Request.CLRSTATUS)
    assert host.status() == (Status.UNKNOWN, State.ERROR)


@pytest.mark.parametrize("request_", [Request.DETACH, 7])
def test_what_the_rom_does_not_have_is_stalled(request_: int) -> None:
    host = Host()
    assert host.request(request_) is STALL
    assert host.status() == (Status.STALLED, State.ERROR)


def test_a_download_during_an_upload_is_stalled() -> None:
    host = Host()
    assert host.read(FLASH, 16) == b"\xff" * 16
    assert host.request(Request.DNLOAD, data=b"\x41") is STALL
    assert host.status() == (Status.STALLED, State.ERROR)


def test_more_than_a_block_is_stalled() -> None:
    host = Host()
    assert host.request(Request.DNLOAD, 2, data=bytes(TRANSFER + 1)) is STALL


def test_get_names_the_commands() -> None:
    assert Host().request(Request.UPLOAD, 0, 16) == bytes([0x00, 0x21, 0x41, 0x92])


# --- memory ----------------------------------------------------------------------------------


def test_write_and_read_back() -> None:
    host = Host()
    assert host.write(FLASH, DATA) == OK
    assert host.memory.read(FLASH, len(DATA) + 4) == DATA + b"\xff" * 4
    host.request(Request.ABORT)
    assert host.read(FLASH, len(DATA)) == DATA


def test_a_block_has_its_place_by_its_number_and_not_by_its_length() -> None:
    """The last block of dfu-util's upload is shorter than the others."""
    host = Host()
    host.memory.write(FLASH + 3 * TRANSFER, b"third")
    assert host.read(FLASH, 5, block=5) == b"third"
    host.request(Request.ABORT)
    assert host.command(b"last", block=9) == OK
    assert host.memory.read(FLASH + 7 * TRANSFER, 4) == b"last"


def test_an_odd_length_is_filled_up() -> None:
    host = Host()
    assert host.write(FLASH, b"12345") == OK
    assert host.memory.read(FLASH, 8) == b"12345\xff\xff\xff"


def test_flash_that_is_not_erased_keeps_its_zeros() -> None:
    host = Host()
    host.write(FLASH, b"\x0f\x0f\x0f\x0f")
    host.write(FLASH, b"\xf5\xf5\xf5\xf5")
    assert host.memory.read(FLASH, 4) == b"\x05\x05\x05\x05"


def test_ram_can_be_written() -> None:
    host = Host()
    assert host.write(RAM, b"\x01\x02\x03\x04") == OK
    assert host.memory.read(RAM, 4) == b"\x01\x02\x03\x04"


@pytest.mark.parametrize("address", [NOWHERE, 0x2000_0000])
def test_a_pointer_to_nowhere_is_an_error(address: int) -> None:
    """The second is the RAM that the ROM itself uses."""
    host = Host()
    assert host.point_to(address) == (Status.TARGET, State.ERROR)
    host.request(Request.CLRSTATUS)
    assert host.erase(address) == (Status.TARGET, State.ERROR)


def test_system_memory_cannot_be_written() -> None:
    host = Host()
    assert host.write(0x1FFF_0000, b"\0\0\0\0") == (Status.TARGET, State.ERROR)


def test_reading_beyond_the_end_of_flash_is_stalled() -> None:
    host = Host()
    assert host.read(FLASH, 16, block=2 + 2048 * KIB // TRANSFER) is STALL
    assert host.status() == (Status.TARGET, State.ERROR)


# --- erase, protection -------------------------------------------------------------------------


def test_erase_takes_the_sector_of_the_address() -> None:
    host = Host()
    host.memory.write(SECTOR_5 - 4, bytes(8))
    host.memory.write(SECTOR_5 + 128 * KIB - 4, bytes(8))
    assert host.erase(SECTOR_5 + 1000) == OK
    assert host.memory.read(SECTOR_5 - 4, 8) == bytes(4) + b"\xff" * 4
    assert host.memory.read(SECTOR_5 + 128 * KIB - 4, 8) == b"\xff" * 4 + bytes(4)


def test_mass_erase() -> None:
    host = Host()
    host.memory.write(FLASH, bytes(16))
    host.memory.write(FLASH + 0x1F_0000, bytes(16))
    assert host.command(b"\x41") == OK
    assert host.memory.read(FLASH, 2048 * KIB) == b"\xff" * 2048 * KIB


def test_a_rom_without_mass_erase_says_so() -> None:
    timing = dataclasses.replace(F4.timing, mass=())
    host = Host(dataclasses.replace(F4, timing=timing))
    assert host.command(b"\x41") == (Status.TARGET, State.ERROR)


def test_a_write_protected_sector_stays_as_it_is_without_an_error() -> None:
    host = Host()
    host.memory.write(FLASH, bytes(8))
    host.memory.options.nwrp &= ~1
    assert host.erase(FLASH) == OK
    assert host.write(FLASH + 16, b"\0\0\0\0") == OK
    assert host.command(b"\x41") == OK
    assert host.memory.read(FLASH, 20) == bytes(8) + b"\xff" * 12


@pytest.mark.parametrize("command", [b"\x41", b"\x41" + FLASH.to_bytes(4, "little")])
def test_read_protection_forbids_to_erase(command: bytes) -> None:
    host = Host()
    host.memory.write(FLASH, bytes(8))
    host.memory.options.rdp = 0x55
    assert host.command(command) == (Status.VENDOR, State.ERROR)
    assert host.memory.read(FLASH, 8) == bytes(8)


def test_read_protection_forbids_to_read_and_to_write() -> None:
    host = Host()
    host.memory.options.rdp = 0x55
    assert host.read(FLASH, 16) is STALL
    assert host.status() == (Status.VENDOR, State.ERROR)
    host.request(Request.CLRSTATUS)
    assert host.write(RAM, b"\0\0\0\0") == (Status.VENDOR, State.ERROR)


@pytest.mark.parametrize("protected", [True, False])
def test_read_unprotect(protected: bool) -> None:
    """It erases the flash only if that was protected (AN3156, table 4)."""
    host = Host()
    host.memory.write(FLASH, bytes(8))
    host.memory.write(RAM, b"secret")
    host.memory.options.rdp = 0x55 if protected else 0xAA
    host.request(Request.DNLOAD, data=b"\x92")
    assert host.status() == (Status.OK, State.DNBUSY)
    assert host.resets == 1 and host.ask(Request.GETSTATUS, length=6) == []
    assert host.memory.options.rdp == 0xAA
    assert host.memory.read(RAM, 6) == bytes(6)
    assert (host.memory.read(FLASH, 8) == b"\xff" * 8) is protected


def test_option_bytes() -> None:
    host = Host()
    block = host.read(OPTIONS, 16)
    assert block and block[:2] == b"\xef\xaa" and block[8:10] == b"\xff\xff"
    host.request(Request.ABORT)
    host.request(Request.DNLOAD, 2, data=block[:8] + b"\xfe" + block[9:])
    assert host.status() == (Status.OK, State.DNBUSY)
    assert host.resets == 1
    assert host.memory.options.nwrp == 0xFF_FFFE


def test_an_unknown_command_is_an_error() -> None:
    assert Host().command(b"\x77") == (Status.VENDOR, State.ERROR)


@pytest.mark.parametrize("seed", range(20))
def test_no_request_breaks_it(seed: int) -> None:
    """Whatever the host sends, in any order: an answer or a stall, and a way back to dfuIDLE."""
    dice, host = Random(seed), Host()
    for _ in range(200):
        data = dice.choice(
            [b"", b"\x41", b"\x92", b"\x21" + dice.randbytes(4), dice.randbytes(64)]
        )
        if dice.random() < 0.5:
            where = dice.choice([FLASH, SECTOR_5, RAM, OPTIONS, 0xFFFF_0000, 0x081F_FFF0])
            data = dice.choice([b"\x21", b"\x41"]) + where.to_bytes(4, "little")
        request = dice.choice([*Request, Request.DNLOAD, Request.GETSTATUS, Request.GETSTATUS])
        length = 0 if request == Request.DNLOAD else dice.randrange(64)
        host.ask(request, dice.choice([0, 0, 1, 2, 3, 700]), length, data)
        if host.went or host.resets or any("bus fault" in sentence for sentence in host.said):
            host = Host()
    if host.request(Request.GETSTATE, length=1) == bytes([State.ERROR]):
        host.request(Request.CLRSTATUS)
    host.request(Request.ABORT)
    assert host.status() == (Status.OK, State.IDLE)


# --- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_the_poll_time_is_that_of_the_operation_in_the_time_of_the_host(speed: float) -> None:
    """A sector of 128 KiB byte by byte: 2 s (DS9405)."""
    clock = ManualClock()
    host = Host(clock=clock)
    host.dfu.speed = speed
    host.request(Request.DNLOAD, data=b"\x41" + SECTOR_5.to_bytes(4, "little"))
    host.memory.write(SECTOR_5, bytes(4))
    assert host.status() == (Status.OK, State.DNBUSY)
    assert host.poll == 2000 / speed
    answers = host.ask(Request.GETSTATUS, length=6)  # too early
    clock.advance(1999 * MS)
    assert answers == [] and host.memory.read(SECTOR_5, 4) == bytes(4)
    clock.advance(1 * MS)
    assert answers == [bytes([Status.OK, 0, 0, 0, State.DNLOAD_IDLE, 0])]
    assert host.memory.read(SECTOR_5, 4) == b"\xff" * 4


def test_an_erase_may_take_longer_than_it_says() -> None:
    clock = ManualClock()
    host = Host(clock=clock)
    host.dfu.slowness = 3
    host.request(Request.DNLOAD, data=b"\x41" + FLASH.to_bytes(4, "little"))
    host.status()
    assert host.poll == 400
    answers = host.ask(Request.GETSTATUS, length=6)
    clock.advance(1199 * MS)
    assert answers == []
    clock.advance(1 * MS)
    assert len(answers) == 1


# --- leave -------------------------------------------------------------------------------------


def test_leave_goes_to_the_pointer() -> None:
    host = Host()
    host.point_to(SECTOR_5)
    assert host.leave() == (Status.OK, State.MANIFEST)
    assert host.went == [SECTOR_5]
    assert host.ask(Request.GETSTATUS, length=6) == []


def test_a_rom_that_does_not_answer_when_it_leaves() -> None:
    usb = dataclasses.replace(ROM_OF_F4, answers_leave=False)
    host = Host(dataclasses.replace(F4, usb=usb))
    host.request(Request.DNLOAD)
    assert host.ask(Request.GETSTATUS, length=6) == []
    assert host.went == [FLASH]


def test_leave_goes_to_the_start_of_flash_if_nothing_was_said() -> None:
    host = Host()
    host.leave()
    assert host.went == [FLASH]


def test_leave_to_where_no_code_can_be_is_a_reset() -> None:
    host = Host()
    host.point_to(OPTIONS)
    assert host.leave() == (Status.OK, State.MANIFEST)
    assert host.went == [] and host.resets == 1


def test_after_a_reset_of_the_chip_nothing_happens_any_more() -> None:
    clock = ManualClock()
    host = Host(clock=clock)
    host.leave()
    host.dfu.stop()
    clock.advance(1000 * MS)
    assert host.went == []
