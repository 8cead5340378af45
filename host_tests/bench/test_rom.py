"""The bootloader byte by byte, against what AN3155 says. No client, no pty, no CPU."""

from __future__ import annotations

import dataclasses
from functools import reduce
from operator import xor

import pytest

from host_tests.bench.plain_rom import F429ZI, ManualClock, PlainMemory, f4_sectors
from tools.bench.rom import Bootloader, RomFacts
from tools.bench.rom.facts import MS

ACK, NACK = b"\x79", b"\x1f"
FLASH, SECTOR_4 = 0x0800_0000, 0x0801_0000
F405RG = dataclasses.replace(F429ZI, dev_id=0x413, sectors=tuple(f4_sectors(1)))


class Bench:
    """A bootloader with a recording host, and the commands a host sends."""

    def __init__(self, facts: RomFacts = F429ZI, *, clock: ManualClock | None = None) -> None:
        self.facts = facts
        self.clock = clock
        self.memory = PlainMemory(facts)
        self.answer = bytearray()
        self.went: list[int] = []
        self.resets = 0
        self.said: list[str] = []
        self.boot()

    def boot(self) -> None:
        """Start the ROM on the memory there is: what BOOT0 high makes of a reset."""
        self.rom = Bootloader(
            self.facts,
            self.memory,
            self.answer.extend,
            self.went.append,
            self._reset,
            after=self.clock.after if self.clock else None,
            say=self.said.append,
        )

    def _reset(self) -> None:
        self.resets += 1

    def send(self, data: bytes | int) -> bytes:
        """Send, and take what the ROM answered."""
        self.rom.receive(bytes([data]) if isinstance(data, int) else data)
        answer = bytes(self.answer)
        self.answer.clear()
        return answer

    def command(self, code: int) -> bytes:
        return self.send(bytes([code, code ^ 0xFF]))

    def checked(self, data: bytes) -> bytes:
        return self.send(data + bytes([reduce(xor, data, 0)]))

    def address(self, code: int, address: int) -> bytes:
        """Command and address; the two answers together."""
        return self.command(code) + self.checked(address.to_bytes(4, "big"))

    def read(self, address: int, length: int) -> bytes:
        assert self.address(0x11, address) == ACK + ACK
        answer = self.command(length - 1)  # the length and its complement look like a command
        assert answer[:1] == ACK
        return answer[1:]

    def write(self, address: int, data: bytes) -> bytes:
        assert self.address(0x31, address) == ACK + ACK
        return self.checked(bytes([len(data) - 1]) + data)

    def erase(self, *numbers: int) -> bytes:
        assert self.command(0x44) == ACK
        words = (len(numbers) - 1, *numbers)
        return self.checked(b"".join(word.to_bytes(2, "big") for word in words))

    def mass_erase(self, code: int = 0xFFFF) -> bytes:
        assert self.command(0x44) == ACK
        return self.checked(code.to_bytes(2, "big"))


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    assert bench.send(0x7F) == ACK
    return bench


# --- start and framing --------------------------------------------------------------------------


@pytest.mark.parametrize("first", [b"\r", b"\x00\xff", b"\x79"])
def test_another_first_byte_spoils_the_baud_rate(first: bytes) -> None:
    bench = Bench()
    assert bench.send(first) == b""
    assert bench.send(0x7F) == b""
    assert bench.command(0x00) == b""
    assert f"first byte was 0x{first[0]:02X}" in bench.said[-1]


def test_what_comes_before_the_rom_listens_is_lost() -> None:
    clock = ManualClock()
    bench = Bench(clock=clock)
    bench.send(b"\r\x02")
    clock.advance(F429ZI.startup_ns - 1)
    assert bench.send(0x7F) == b""
    clock.advance(1)
    assert bench.send(0x7F) == ACK


def test_a_second_baud_rate_byte_is_half_a_command(bench: Bench) -> None:
    # What stm32loader and stm32flash rely on to find a ROM that already listens.
    assert bench.send(0x7F) == b""
    assert bench.send(0x7F) == NACK
    assert bench.command(0x02) == ACK + b"\x01\x04\x19" + ACK


@pytest.mark.parametrize("pair", [b"\x00\x00", b"\x11\xef", b"\x43\xbc", b"\xff\x00"])
def test_wrong_complement_or_unknown_command(bench: Bench, pair: bytes) -> None:
    assert bench.send(pair) == NACK
    assert bench.command(0x01)[:1] == ACK


def test_any_chunking_gives_the_same_answers() -> None:
    memory_write = bytes([0x31, 0xCE]) + bytes([0x08, 0, 0, 0, 0x08])
    memory_write += bytes([3, 1, 2, 3, 4, 3 ^ 1 ^ 2 ^ 3 ^ 4])
    script = b"\x7f\x00\xff\x01\xfe\x02\xfd" + memory_write
    answers = set()
    for size in (1, 2, 3, 7, len(script)):
        bench = Bench()
        answers.add(
            b"".join(bench.send(script[i : i + size]) for i in range(0, len(script), size))
        )
        assert bench.memory.read(FLASH, 4) == b"\x01\x02\x03\x04"
    assert len(answers) == 1


# --- who are you (3.1 to 3.3) --------------------------------------------------------------------


def test_get_lists_protocol_and_commands(bench: Bench) -> None:
    commands = bytes([0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82, 0x92])
    assert bench.command(0x00) == ACK + bytes([11, 0x31]) + commands + ACK


def test_get_version_is_the_protocol_with_two_zero_bytes(bench: Bench) -> None:
    assert bench.command(0x01) == ACK + b"\x31\x00\x00" + ACK


def test_get_id() -> None:
    bench = Bench(F405RG)
    bench.send(0x7F)
    assert bench.command(0x02) == ACK + b"\x01\x04\x13" + ACK


# --- Read Memory (3.4) ---------------------------------------------------------------------------


def test_read_flash_up_to_256_bytes(bench: Bench) -> None:
    bench.memory.write(FLASH + 5, bytes(range(256)))
    assert bench.read(FLASH + 5, 256) == bytes(range(256))
    assert bench.read(FLASH + 6, 1) == b"\x01"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (0x0800_0000, True),
        (0x081F_FFFF, True),
        (0x0820_0000, False),
        (0x2000_0000, False),  # the ROM's own
        (0x2000_2FFF, False),
        (0x2000_3000, True),
        (0x2002_FFFF, True),
        (0x2003_0000, False),
        (0x1000_0000, False),  # CCM
        (0x1FFF_0000, True),
        (0x1FFF_77FF, True),
        (0x1FFF_7800, True),  # OTP
        (0x1FFF_7A0F, True),
        (0x1FFF_7A10, False),  # unique id: only from a block that starts in the OTP area
        (0x1FFF_C000, True),
        (0x1FFE_C008, True),
        (0x1FFF_C010, False),
        (0xFFFF_0000, True),
        (0xFFFF_0004, False),
        (0x4002_3800, False),
        (0x0000_0000, False),
    ],
)
def test_addresses_that_can_be_read(bench: Bench, address: int, allowed: bool) -> None:
    assert bench.address(0x11, address) == ACK + (ACK if allowed else NACK)


def test_only_the_start_address_is_checked(bench: Bench) -> None:
    bench.memory.write(0x1FFF_7A22, (2048).to_bytes(2, "little"))
    assert bench.read(0x1FFF_7A00, 256)[0x22:0x24] == b"\x00\x08"


def test_bad_address_checksum(bench: Bench) -> None:
    assert bench.command(0x11) == ACK
    assert bench.send(b"\x08\x00\x00\x00\x09") == NACK
    assert bench.command(0x02)[:1] == ACK


def test_bad_length_complement(bench: Bench) -> None:
    assert bench.address(0x11, FLASH) == ACK + ACK
    assert bench.send(b"\x03\xfd") == NACK


def test_reading_past_the_end_of_the_bus_kills_the_rom(bench: Bench) -> None:
    assert bench.address(0x11, 0x2002_FFF0) == ACK + ACK
    assert bench.command(255) == ACK
    assert bench.command(0x00) == b""
    assert "bus fault" in bench.said[-1]


# --- Write Memory (3.6) --------------------------------------------------------------------------


def test_write_flash_then_ram(bench: Bench) -> None:
    assert bench.write(FLASH, b"abcd") == ACK
    assert bench.write(0x2000_3000, b"wxyz") == ACK
    assert bench.memory.read(FLASH, 5) == b"abcd\xff"
    assert bench.memory.read(0x2000_3000, 5) == b"wxyz\0"


def test_flash_bits_go_from_one_to_zero_only(bench: Bench) -> None:
    assert bench.write(FLASH, b"\xf0\xff\x0f\xaa") == ACK
    assert bench.write(FLASH, b"\x3c\x55\xff\x55") == ACK  # the F4 flags no error
    assert bench.memory.read(FLASH, 4) == b"\x30\x55\x0f\x00"


def test_ram_is_overwritten(bench: Bench) -> None:
    assert bench.write(0x2000_4000, b"\0\0\0\0") == ACK
    assert bench.write(0x2000_4000, b"\xff\xfe\xfd\xfc") == ACK
    assert bench.memory.read(0x2000_4000, 4) == b"\xff\xfe\xfd\xfc"


@pytest.mark.parametrize("address", [0x1FFF_0000, 0x2000_0000, 0x6000_0000, 0x1FFF_C008])
def test_addresses_that_cannot_be_written(bench: Bench, address: int) -> None:
    assert bench.address(0x31, address) == ACK + NACK


def test_bad_data_checksum_writes_nothing(bench: Bench) -> None:
    assert bench.address(0x31, FLASH) == ACK + ACK
    assert bench.send(b"\x03abcd\x00") == NACK
    assert bench.memory.read(FLASH, 4) == b"\xff" * 4


def test_one_unaligned_write_makes_every_later_one_fail(bench: Bench) -> None:
    assert bench.write(FLASH, b"abcd") == ACK
    assert bench.write(FLASH + 6, b"abcd") == NACK
    assert bench.write(FLASH + 8, b"abcd") == NACK
    assert bench.write(0x2000_3000, b"abcd") == ACK
    assert bench.memory.read(FLASH, 12) == b"abcd" + b"\xff" * 8


@pytest.mark.parametrize(
    ("address", "length"),
    [
        (FLASH + 2, 4),
        (FLASH, 6),
        (0x081F_FFFC, 8),  # over the end
        (0x2000_3002, 4),
        (0x2000_3000, 6),
        (0x1FFF_7802, 4),
        (0x1FFF_7800, 6),
        (0x1FFF_7A0C, 8),
    ],
)
def test_writes_are_of_whole_words(bench: Bench, address: int, length: int) -> None:
    before = bench.memory.read(address & ~3, 4)
    assert bench.write(address, b"\x55" * length) == NACK
    assert bench.memory.read(address & ~3, 4) == before


@pytest.mark.parametrize("address", [0x081F_FFFC, 0x2002_FFFC, 0x1FFF_7A0C])
def test_the_last_word_can_be_written(bench: Bench, address: int) -> None:
    assert bench.write(address, b"\x55\xaa\x55\xaa") == ACK
    assert bench.memory.read(address, 4) == b"\x55\xaa\x55\xaa"


def test_otp_takes_bits_once_and_a_lock_byte_ends_it(bench: Bench) -> None:
    block_1, lock_bytes = 0x1FFF_7820, 0x1FFF_7A00
    assert bench.write(block_1, b"\xf0\xf0\xf0\xf0") == ACK
    assert bench.write(lock_bytes, b"\xff\x00\xff\xff") == ACK
    assert bench.write(block_1, b"\0\0\0\0") == ACK
    assert bench.write(block_1 + 32, b"\0\0\0\0") == ACK
    assert bench.memory.read(block_1, 4) == b"\xf0" * 4
    assert bench.memory.read(block_1 + 32, 4) == b"\0" * 4
    assert bench.write(lock_bytes, b"\x00\xff\xff\xff") == ACK  # lock bytes lock no lock byte
    assert bench.memory.read(lock_bytes, 2) == b"\0\0"


# --- Extended Erase (3.8) ------------------------------------------------------------------------


def fill(bench: Bench) -> None:
    for sector in F429ZI.sectors:
        bench.memory.write(sector.base, b"data")


def full_sectors(bench: Bench) -> set[int]:
    sectors = enumerate(F429ZI.sectors)
    return {n for n, sector in sectors if bench.memory.read(sector.base, 4) == b"data"}


ALL = set(range(24))


def test_erase_sectors(bench: Bench) -> None:
    fill(bench)
    assert bench.erase(0, 5, 23) == ACK
    assert full_sectors(bench) == ALL - {0, 5, 23}


def test_erase_every_sector_by_number(bench: Bench) -> None:
    fill(bench)
    assert bench.erase(*range(24)) == ACK
    assert full_sectors(bench) == set()


@pytest.mark.parametrize(
    ("code", "left"),
    [(0xFFFF, set[int]()), (0xFFFE, set(range(12, 24))), (0xFFFD, set(range(12)))],
)
def test_mass_and_bank_erase(bench: Bench, code: int, left: set[int]) -> None:
    fill(bench)
    assert bench.mass_erase(code) == ACK
    assert full_sectors(bench) == left


@pytest.mark.parametrize("code", [0xFFFC, 0xFFF0])
def test_reserved_erase_codes(bench: Bench, code: int) -> None:
    fill(bench)
    assert bench.mass_erase(code) == NACK
    assert full_sectors(bench) == ALL


def test_no_bank_erase_on_a_chip_with_one_bank() -> None:
    bench = Bench(F405RG)
    bench.send(0x7F)
    assert bench.mass_erase(0xFFFD) == NACK
    assert bench.mass_erase(0xFFF0) == NACK
    assert bench.mass_erase(0xFFFF) == ACK


def test_no_such_sector(bench: Bench) -> None:
    fill(bench)
    assert bench.erase(3, 24) == NACK
    assert full_sectors(bench) == ALL


def test_too_many_sectors_are_refused_at_once(bench: Bench) -> None:
    assert bench.command(0x44) == ACK
    assert bench.send(b"\x00\x18") == NACK


def test_bad_erase_checksum(bench: Bench) -> None:
    fill(bench)
    assert bench.command(0x44) == ACK
    assert bench.send(b"\xff\xff\x01") == NACK
    assert full_sectors(bench) == ALL


# --- Go (3.5) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [FLASH, 0x0802_0000, 0x2000_3000])
def test_go(bench: Bench, address: int) -> None:
    assert bench.address(0x21, address) == ACK + ACK
    assert bench.went == [address]
    assert bench.command(0x00) == b""  # the ROM is gone


@pytest.mark.parametrize("address", [0x1FFF_0000, 0x1FFF_C000, 0x1FFF_7800, 0x2000_0000, 0])
def test_go_elsewhere(bench: Bench, address: int) -> None:
    assert bench.address(0x21, address) == ACK + NACK
    assert bench.went == []


# --- write protection (3.9, 3.10) ----------------------------------------------------------------


def restart(bench: Bench) -> None:
    bench.boot()
    assert bench.send(0x7F) == ACK


def test_write_protect_resets_and_silently_keeps_the_sectors(bench: Bench) -> None:
    fill(bench)
    assert bench.command(0x63) == ACK
    assert bench.checked(bytes([1, 4, 12])) == ACK
    assert bench.resets == 1
    assert bench.command(0x00) == b""

    restart(bench)
    assert bench.erase(3, 4, 12) == ACK
    assert full_sectors(bench) == ALL - {3}
    assert bench.write(SECTOR_4, b"\0\0\0\0") == ACK
    assert bench.memory.read(SECTOR_4, 4) == b"data"
    assert bench.mass_erase() == ACK  # one protected sector: the hardware erases none
    assert full_sectors(bench) == ALL - {3}
    assert "not everything" in bench.said[-1]


def test_bank_erase_minds_the_sectors_of_its_bank_only(bench: Bench) -> None:
    fill(bench)
    bench.memory.options.nwrp = 0xFF_FFFF & ~(1 << 12)
    assert bench.mass_erase(0xFFFD) == ACK
    assert full_sectors(bench) == ALL
    assert bench.mass_erase(0xFFFE) == ACK
    assert full_sectors(bench) == set(range(12, 24))


def test_a_second_list_replaces_the_first_and_wrong_numbers_pass(bench: Bench) -> None:
    bench.command(0x63)
    bench.checked(bytes([0, 4]))
    restart(bench)
    bench.command(0x63)
    assert bench.checked(bytes([1, 5, 200])) == ACK
    assert bench.memory.options.nwrp == 0xFF_FFFF & ~(1 << 5)


def test_write_unprotect(bench: Bench) -> None:
    bench.memory.options.nwrp = 0
    assert bench.command(0x73) == ACK + ACK
    assert bench.memory.options.nwrp == 0xFF_FFFF
    assert bench.resets == 1


def test_bad_write_protect_checksum(bench: Bench) -> None:
    assert bench.command(0x63) == ACK
    assert bench.send(b"\x00\x04\x00") == NACK
    assert (bench.memory.options.nwrp, bench.resets) == (0xFF_FFFF, 0)


# --- read protection (3.11, 3.12) ----------------------------------------------------------------


def test_readout_protect_resets_and_leaves_four_commands(bench: Bench) -> None:
    assert bench.command(0x82) == ACK + ACK
    assert bench.resets == 1
    restart(bench)
    accepted = {code for code in range(0x92) if bench.command(code)[:1] == ACK}
    assert accepted == {0x00, 0x01, 0x02}
    assert bench.command(0x92) == ACK + ACK


def test_readout_unprotect_erases_flash_and_ram(bench: Bench) -> None:
    fill(bench)
    bench.memory.write(0x2000_3000, b"secret")
    bench.memory.options.rdp = 0x00
    bench.memory.options.nwrp = 0  # the hardware erases protected sectors too
    assert bench.command(0x92) == ACK + ACK
    assert full_sectors(bench) == set()
    assert bench.memory.read(0x2000_3000, 6) == bytes(6)
    assert bench.memory.options.rdp == 0xAA
    assert bench.resets == 1


def test_level_2_is_for_ever(bench: Bench) -> None:
    bench.memory.options.rdp = 0xCC
    assert bench.command(0x92) == NACK
    assert bench.command(0x02)[:1] == ACK
    assert bench.memory.options.rdp == 0xCC


# --- option bytes by Read and Write Memory -------------------------------------------------------


def test_option_bytes_read_as_the_manual_lays_them_out(bench: Bench) -> None:
    bench.memory.options.nwrp = 0xFF_FFFF & ~(1 << 0 | 1 << 13)
    bank_1 = bench.read(0x1FFF_C000, 16)
    bank_2 = bench.read(0x1FFE_C000, 16)
    assert bank_1[:2] == b"\xef\xaa"
    assert bank_1[8:10] == (0xFFFE).to_bytes(2, "little")
    assert bank_2[8:10] == (0xFFFD).to_bytes(2, "little")


def test_writing_option_bytes_resets(bench: Bench) -> None:
    block = bytearray(bench.read(0x1FFF_C000, 16))
    block[8] = 0xF0  # sectors 0 to 3
    assert bench.write(0x1FFF_C000, bytes(block)) == ACK
    assert bench.memory.options.nwrp == 0xFF_FFF0
    assert (bench.memory.options.rdp, bench.memory.options.user) == (0xAA, 0xEF)
    assert bench.resets == 1


def test_option_bytes_of_bank_2_have_the_protection_of_its_sectors_only(bench: Bench) -> None:
    bench.memory.options.nwrp = 0xFF_FFF0
    assert bench.write(0x1FFE_C000, b"\0" * 8 + b"\xfd\xff\xff\xff") == ACK
    assert bench.memory.options.nwrp == 0xFF_DFF0
    assert (bench.memory.options.rdp, bench.memory.options.user) == (0xAA, 0xEF)


def test_option_bytes_of_a_chip_with_one_bank() -> None:
    bench = Bench(F405RG)
    bench.send(0x7F)
    bench.memory.options.nwrp = 0
    assert bench.write(0x1FFF_C000, b"\xef\xaa") == ACK
    assert bench.memory.options.nwrp == 0xFFF


def test_option_bytes_not_given_stay_erased(bench: Bench) -> None:
    bench.memory.options.nwrp = 0xFF_FFF0
    assert bench.write(0x1FFF_C000, b"\xe3\xaa\xff\xff") == ACK
    assert bench.memory.options.nwrp == 0xFF_FFFF
    assert (bench.memory.options.rdp, bench.memory.options.user) == (0xAA, 0xE3)


# --- voltage range (AN2606 table 4) --------------------------------------------------------------


def test_voltage_range(bench: Bench) -> None:
    assert bench.read(0xFFFF_0000, 4) == b"\x00\xff\xff\xff"
    assert bench.write(0xFFFF_0000, b"\x03") == ACK
    assert bench.read(0xFFFF_0000, 1) == b"\x03"
    assert bench.write(0xFFFF_0000, b"\x04\xff") == ACK
    assert bench.write(0xFFFF_0000, b"\x03") == ACK
    assert bench.write(0xFFFF_0000, b"\x05\xff\xff\xff") == NACK
    assert bench.write(0xFFFF_0000, b"\x02\xff\x00\xff") == NACK
    assert bench.read(0xFFFF_0000, 4) == b"\x03\xff\xff\xff"


# --- time ----------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def slow(clock: ManualClock) -> Bench:
    bench = Bench(clock=clock)
    clock.advance(F429ZI.startup_ns)
    assert bench.send(0x7F) == ACK
    return bench


def test_erase_takes_the_time_of_the_data_sheet(slow: Bench, clock: ManualClock) -> None:
    fill(slow)
    assert slow.erase(0, 4, 5) == b""
    clock.advance(3600 * MS - 1)
    assert full_sectors(slow) == ALL
    assert slow.answer == b""
    clock.advance(1)
    assert full_sectors(slow) == ALL - {0, 4, 5}
    assert slow.send(b"") == ACK


def test_a_higher_voltage_is_faster(slow: Bench, clock: ManualClock) -> None:
    assert slow.write(0xFFFF_0000, b"\x03") == ACK
    assert slow.mass_erase() == b""
    clock.advance(8000 * MS)
    assert slow.send(b"") == ACK
    assert slow.write(FLASH, bytes(256)) == b""
    clock.advance(64 * 16_000)
    assert slow.send(b"") == ACK


def test_a_protected_sector_takes_no_time(slow: Bench) -> None:
    slow.memory.options.nwrp = 0
    assert slow.erase(4) == ACK
    assert slow.mass_erase() == ACK


def test_while_busy_one_byte_is_kept_and_the_rest_overrun(slow: Bench, clock: ManualClock) -> None:
    assert slow.erase(0) == b""
    assert slow.send(b"\x00\xff\x02\xfd") == b""
    clock.advance(400 * MS)
    assert slow.send(b"") == ACK
    assert slow.send(0xFF)[:2] == ACK + b"\x0b"  # the 0x00 that waited was Get


def test_read_protection_goes_after_the_mass_erase_only(slow: Bench, clock: ManualClock) -> None:
    slow.memory.options.rdp = 0
    assert slow.command(0x92) == ACK
    clock.advance(15_999 * MS)
    assert (slow.memory.options.rdp, slow.resets) == (0, 0)
    clock.advance(1 * MS)
    assert (slow.memory.options.rdp, slow.resets) == (0xAA, 1)


def test_a_reset_from_outside_ends_what_is_under_way(slow: Bench, clock: ManualClock) -> None:
    fill(slow)
    slow.erase(0)
    slow.rom.stop()
    clock.advance(400 * MS)
    assert full_sectors(slow) == ALL
    assert slow.send(0x7F) == b""


def test_everything_is_said_in_sentences(bench: Bench) -> None:
    bench.write(FLASH, b"abcd")
    bench.address(0x31, 0x4000_0000)
    bench.address(0x21, FLASH)
    assert bench.said[1:] == [
        "Write Memory: 4 bytes at 0x08000000",
        "NACK: 0x40000000 is no address to write",
        "Go to the vector table at 0x08000000",
    ]
