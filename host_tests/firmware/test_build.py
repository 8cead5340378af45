"""The bench firmware: what is in the images, when they are built again, and how it says no."""

import http.server
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.target import MANIFEST, ROOT, TEST_BOARDS
from tools.bench import chip
from tools.firmware import (
    FirmwareError,
    MissingToolError,
    build,
    debian,
    source,
    source_tree,
    toolchain,
)
from tools.firmware.board import load_board
from tools.firmware.boardfiles import board_files, config_files
from tools.firmware.builder import KEPT, RECENT_S, drop_old
from tools.firmware.cache import cache_dir

BOARD = "NUCLEO_F429ZI"


def symbols(elf: Path) -> dict[str, int]:
    output = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True)
    lines = (line.split() for line in output.stdout.splitlines())
    return {fields[2]: int(fields[0], 16) for fields in lines if len(fields) == 3}


def flash_image(elf: Path, tmp_path: Path) -> bytes:
    """What a programmer would write from 0x08000000 on."""
    binary = tmp_path / "firmware.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, binary], check=True)
    return binary.read_bytes()


def write_manifest(directory: Path, text: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench_probe.py").write_text(text)
    manifest = directory / "manifest.py"
    manifest.write_text('metadata(version="1.0")\nmodule("bench_probe.py")\n')
    return manifest


@pytest.fixture(autouse=True)
def compiler() -> None:
    try:
        toolchain.find_toolchain()
    except MissingToolError as error:
        pytest.skip(str(error))


# What is in an image. The addresses are those of the official firmware of the same board: its
# linker scripts, ports/stm32/boards/stm32f429.ld, stm32f405.ld, stm32f401xe.ld, stm32f411.ld,
# stm32h743.ld and stm32l072xz.ld.


@pytest.mark.parametrize(
    ("board", "stack_top", "heap_end"),
    [
        ("NUCLEO_F401RE", 0x2001_3FF8, 0x2000_FFF8),
        ("NUCLEO_F411RE", 0x2001_BFF8, 0x2001_7FF8),
        ("NUCLEO_F429ZI", 0x2002_FFF8, 0x2002_BFF8),
        ("NUCLEO_F446RE", 0x2001_BFF8, 0x2001_7FF8),
        ("NUCLEO_H743ZI", 0x2407_FFF8, 0x2407_BFF8),
        ("NUCLEO_L073RZ", 0x2000_4FF8, 0x2000_3FF8),
        ("PYBV11", 0x2001_FFF8, 0x2001_BFF8),
    ],
)
def test_memory_is_laid_out_as_in_the_official_firmware(
    board: str, stack_top: int, heap_end: int, tmp_path: Path
) -> None:
    elf = build(board)
    found = symbols(elf)
    assert found["_estack"] == found["_bl_state"] == stack_top
    assert found["_heap_end"] == heap_end
    assert 0 < found["_heap_start"] - found["_ram_start"] < 0x3000
    image = flash_image(elf, tmp_path)
    vectors = [int.from_bytes(image[i : i + 4], "little") for i in range(0, 64, 4)]
    assert vectors[0] == stack_top
    assert vectors[1] == found["Reset_Handler"] | 1
    assert vectors[15] == found["SysTick_Handler"] | 1
    if "filesystem" in load_board(board).data["memory"]:
        assert found["Reset_Handler"] >= 0x0802_0000
        assert set(image[0x4000:0x20000]) <= {0, 0xFF}, "the file system's sectors are not empty"


def test_a_board_without_the_assembler_freezes_the_library_with_bytes(tmp_path: Path) -> None:
    """It fits, or it would not link: 192 KiB of flash, 20 KiB of RAM."""
    image = flash_image(build("NUCLEO_L073RZ", frozen_manifest=MANIFEST), tmp_path)
    assert b"romboot/jump_bytes.py\0" in image
    assert b"romboot/jump.py\0" not in image
    assert len(image) < 192 * 1024


@pytest.mark.parametrize(
    "board", ["NUCLEO_F401RE", "NUCLEO_F429ZI", "NUCLEO_H743ZI", "NUCLEO_L073RZ", "PYBV11"]
)
def test_names_of_the_board_are_those_of_the_official_firmware(board: str, tmp_path: Path) -> None:
    image = flash_image(build(board), tmp_path)
    description = load_board(board)
    assert f"{description.name} with {description.mcu_name}\0".encode() in image
    assert f"{board}\0".encode() in image
    assert b"v1.25.0 on 2025-04-15" in image


@pytest.mark.parametrize(
    ("variant", "assembler", "threads"),
    [("standard", True, False), ("noasm", False, False), ("threads", True, True)],
)
def test_a_variant_has_what_it_is_for(
    variant: str, assembler: bool, threads: bool, tmp_path: Path
) -> None:
    elf = build(BOARD, variant)
    found = symbols(elf)
    assert ("emit_inline_thumb_method_table" in found) == assembler
    assert ("emit_native_thumb_method_table" in found) == assembler
    assert ("mp_module_thread" in found) == threads
    name = BOARD if variant == "standard" else f"{BOARD}-{variant.upper()}"
    assert f"\0{name}\0".encode() in flash_image(elf, tmp_path)


# When an image is built again.


def test_a_second_call_finds_the_image(capsys: pytest.CaptureFixture[str]) -> None:
    first = build(BOARD)
    said: list[str] = []
    start = time.monotonic()
    assert build(BOARD, progress=said.append) == first
    assert time.monotonic() - start < 1
    assert said == []


def test_frozen_modules_are_part_of_the_key(tmp_path: Path) -> None:
    stamp = os.urandom(8).hex()  # so that no earlier run has these in the cache
    one = write_manifest(tmp_path / "one", f"WHAT = 'first {stamp}'\n")
    elf = build(BOARD, frozen_manifest=one)
    assert f"first {stamp}".encode() in flash_image(elf, tmp_path)
    assert build(BOARD, frozen_manifest=one) == elf
    assert build(BOARD) != elf

    # Another directory with an older file of the same name: time stamps would call it up to date.
    other = write_manifest(tmp_path / "other", f"WHAT = 'second {stamp}'\n")
    os.utime(other.with_name("bench_probe.py"), (0, 0))
    changed = build(BOARD, frozen_manifest=other)
    assert changed != elf
    image = flash_image(changed, tmp_path)
    assert f"second {stamp}".encode() in image
    assert f"first {stamp}".encode() not in image


def test_boards_that_differ_in_addresses_and_names_only_share_their_objects() -> None:
    boards = [load_board(name) for name in ("NUCLEO_F401RE", "NUCLEO_F429ZI", "PYBV11")]
    first, *others = (config_files(board) for board in boards)
    assert all(other == first for other in others)
    assert len({board_files(board, "standard")["board.h"] for board in boards}) == len(boards)


@pytest.mark.parametrize("name", chip.names())
def test_a_chip_of_the_bench_needs_no_more_than_a_board_file(name: str, tmp_path: Path) -> None:
    usart = chip.load(name).rom["usarts"][0]
    (tmp_path / "ANY.toml").write_text(f"""\
name = "any"
mcu_name = "any"
chip = "{name}"
hse_hz = 8_000_000
console = {{ usart = "{usart["usart"]}", tx = "{usart["tx"]}", rx = "{usart["rx"]}", baud = 9600 }}
memory = {{ flash_kib = 128, stack_kib = 2, filesystem = [0x08004000, 0x4000] }}
""")
    board = load_board("ANY", tmp_path)
    files = config_files(board) | board_files(board, "standard")
    assert not re.search(r" (None|-0x.*|)\n", "".join(files.values()))
    assert f"ORIGIN = {board.ram.base:#x}" in files["memory.ld"]


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    build(BOARD)  # the objects: only the frozen module is left to compile
    manifest = write_manifest(tmp_path, f"WHAT = '{os.urandom(8).hex()}'\n")
    command = [sys.executable, "-m", "tools.firmware", BOARD, "--manifest", str(manifest)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1]
    assert Path(outputs[0]).is_file()


# How it says no.


def test_a_missing_compiler_is_one_sentence_and_exit_code_3(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tools.firmware", BOARD],
        cwd=ROOT,
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert "apt install gcc-arm-none-eabi" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((BOARD, "slow"), "There is no variant slow; there are standard, noasm, threads."),
        (("NUCLEO_X",), "there is no board NUCLEO_X: did you mean NUCLEO_"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(FirmwareError, match=says):
        build(*arguments)


def test_a_console_that_the_chip_has_not_got_is_named(tmp_path: Path) -> None:
    text = (ROOT / "boards" / "NUCLEO_F401RE.toml").read_text()
    (tmp_path / "MINE.toml").write_text(text.replace('usart = "USART2"', 'usart = "USART3"'))
    with pytest.raises(FirmwareError, match="has its console on USART3, which STM32F401xE has"):
        load_board("MINE", tmp_path)


def test_a_bad_manifest_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.py"
    manifest.write_text('module("absent.py")\n')
    before = Path.cwd()
    with pytest.raises(FirmwareError, match=r"The manifest cannot be used\. .*absent\.py"):
        build(BOARD, frozen_manifest=manifest)
    assert Path.cwd() == before


POOLS = ("pool/main/m/micropython", "pool/universe/m/micropython")  # of Debian, of Ubuntu

# Where the source comes from. A local server plays the mirror, so no test needs a network.


class Mirror(http.server.BaseHTTPRequestHandler):
    pool = ""
    content = b""

    def do_GET(self) -> None:
        if self.path != f"/debian/{self.pool}/{source.TARBALL}":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Mirror]]:
    """A mirror, the only one that is known, and an empty cache."""
    handler = type("Handler", (Mirror,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(debian.MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}/debian/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(debian, "_apt_mirrors", lambda: [])
    monkeypatch.setattr(debian, "_apt_proxy", lambda: None)
    monkeypatch.setenv("ROMBOOT_CACHE", str(tmp_path / "cache"))
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def tarball() -> bytes:
    source_tree()
    return (cache_dir() / source.TARBALL).read_bytes()


@pytest.mark.parametrize("pool", [pytest.param(POOLS[0], marks=pytest.mark.thorough), POOLS[1]])
def test_the_source_is_fetched_from_a_mirror(
    tarball: bytes, pool: str, mirror: type[Mirror]
) -> None:
    mirror.pool, mirror.content = pool, tarball
    said: list[str] = []
    tree = source_tree(said.append)
    assert (tree / "tests" / "run-tests.py").is_file()
    assert said[0].startswith("downloading") and said[-1].startswith("unpacking")
    said.clear()
    assert source_tree(said.append) == tree
    assert said == []


def test_a_tarball_with_another_sum_is_refused(mirror: type[Mirror]) -> None:
    mirror.pool, mirror.content = POOLS[0], b"not the source"
    with pytest.raises(FirmwareError, match=r"its sha256 is .*, not"):
        source_tree(lambda _: None)
    assert not list(cache_dir().glob("*.tar.xz*"))


def test_without_a_mirror_it_says_what_to_set(mirror: type[Mirror]) -> None:
    with pytest.raises(FirmwareError, match="Set ROMBOOT_DEBIAN_MIRROR to the address"):
        source_tree(lambda _: None)


# Boards with their heap in external SDRAM.


def test_a_heap_in_sdram_is_a_choice_of_the_board(tmp_path: Path) -> None:
    text = (ROOT / "boards" / f"{BOARD}.toml").read_text()
    (tmp_path / "DISCO.toml").write_text(
        text.replace("[memory]\n", "[memory]\nheap = [0xD0000000, 0x800000]\n")
    )
    board = load_board("DISCO", tmp_path)
    header = board_files(board, "standard")["board.h"]
    assert "#define BOARD_SDRAM_SIZE 0x800000u\n" in header
    assert "(sdram_is_usable() ? (void *)0xd0000000 : (void *)&_heap_start)" in header


def test_an_image_in_use_is_not_dropped(tmp_path: Path) -> None:
    """Another process may be about to read what it has just asked for."""
    ages = {f"X-standard-{n}": n * RECENT_S / (KEPT + 1) for n in range(KEPT + 3)}
    for name, age in ages.items():
        (tmp_path / name).mkdir()
        then = time.time() - age
        os.utime(tmp_path / name, (then, then))
    (tmp_path / "X-noasm-0").mkdir()
    drop_old(tmp_path, "X-standard")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"X-noasm-0", *list(ages)[: KEPT + 1]}


# Boards with their code in external flash.


def test_what_runs_first_stays_in_internal_flash() -> None:
    found = symbols(build("QSPI_F469", boards=TEST_BOARDS))
    first = ("external_text_reset", "powerctrl_check_enter_bootloader", "branch_to_bootloader")
    assert {found[name] >> 20 for name in first} == {0x080}
    rest = ("Reset_Handler", "stm32_main", "mp_execute_bytecode", "_etext")
    assert {found[name] >> 20 for name in rest} == {0x900}


def test_code_can_only_be_where_flash_can_be(tmp_path: Path) -> None:
    text = (TEST_BOARDS / "QSPI_F469.toml").read_text()
    (tmp_path / "X.toml").write_text(text.replace("[0x90000000,", "[0x80000000,"))
    with pytest.raises(FirmwareError, match=r"is at 0x80000000, not at 0x60000000 \(NOR"):
        build("X", boards=tmp_path)
