"""What `pip install romboot` puts onto a machine, and that it works there, from another folder."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests import wheel
from host_tests.target import ROOT, Target, VirtualTarget
from tools.cli.virtual import firmware
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist and the wheel."""
    return wheel.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def plain(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> wheel.Installed:
    """Without the virtual board."""
    return wheel.install(built[1], tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def with_bench(
    built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> wheel.Installed:
    """With it."""
    return wheel.install(built[1], tmp_path_factory.mktemp("bench"), "bench")


@pytest.fixture
def target() -> Iterator[VirtualTarget]:
    """A board without the library."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as board:
        yield board


def files(*folders: str) -> set[str]:
    """What is in these folders of the checkout."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    paths = {path for path in found if path.is_file() and path.suffix != ".pyc"}
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_the_sdist_is_whole(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = files("lib", "boards", "tools", "host_tests", "docs")
    expected |= {"Makefile", "manifest.py", "package.json", "LICENSE", "README.md"}
    assert expected - names == set()


def test_the_wheel_brings_one_package_with_all_that_it_reads(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
    ours = {name for name in names if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in ours} == {"romboot_host"}
    expected = {name.removeprefix("tools/") for name in files("tools") - files("tools/setup")}
    expected |= {name for name in files("lib", "boards") if name.endswith((".py", ".toml"))}
    assert {f"romboot_host/{name}" for name in expected} - ours == set()


def test_the_page_on_pypi_has_no_dead_links(built: tuple[Path, Path]) -> None:
    """Those that README.md has relative to itself lead to the repository there."""
    with zipfile.ZipFile(built[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        text = archive.read(name).decode()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert "https://github.com/romboot/romboot/blob/main/docs/flashing.md" in links
    assert all(link.startswith(("https:", "#")) for link in links)


def test_commands_for_a_board(plain: wheel.Installed, target: VirtualTarget) -> None:
    """The library comes out of the wheel."""
    done = plain.romboot("info", "--device", target.console)
    assert done.returncode == 0, done.stderr
    assert "DEV_ID 0x419" in done.stdout and "Local directory" not in done.stdout
    assert target.rom
    done = plain.romboot("enter", "--device", target.console, "--rom", target.rom)
    assert done.returncode == 0, done.stderr
    assert "DEV_ID 0x419" in done.stdout
    assert target.arrival().clean


@pytest.mark.parametrize("command", ["demo", "bench", "measure"])
def test_without_the_virtual_board_it_says_what_to_install(
    plain: wheel.Installed, command: str
) -> None:
    done = plain.romboot(command)
    assert done.returncode == 1
    assert done.stderr == (
        f"romboot: {command} needs the virtual board, which is not installed: "
        "pip install 'romboot[bench]'\n"
    )


def test_the_virtual_board_of_the_wheel(with_bench: wheel.Installed) -> None:
    """It builds its firmware from the wheel's own files: the same as ours, so it is there. What
    boards do then is in test_cli.py."""
    firmware.build(BOARD, frozen=True)
    cache = str(build(BOARD).parents[3])
    words = {"ROMBOOT_CACHE": cache, "PYTHONUNBUFFERED": "1"}
    with with_bench.start("bench", BOARD, **words) as bench:
        assert bench.stdout and bench.stderr
        said = [bench.stdout.readline().split() for _ in range(4)]
        console = next(words[2] for words in said if words[0] == "console")
        assert Target(console, None).ok("exec", "print(6 * 7)") == "42\n"
        bench.terminate()
        assert "building" not in bench.communicate()[1]
