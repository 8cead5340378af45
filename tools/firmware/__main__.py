"""Builds a bench firmware and prints the path of its ELF file.

Exit code: 0 built or found, 1 the build failed, 2 wrong arguments, 3 a tool is not installed.
"""

import argparse
import sys
from pathlib import Path

from . import VARIANTS, FirmwareError, MissingToolError, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.firmware", description=__doc__)
    parser.add_argument("board", help="a file of boards/, like NUCLEO_F429ZI")
    parser.add_argument("--variant", choices=VARIANTS, default="standard")
    parser.add_argument("--manifest", type=Path, help="a manifest.py of modules to freeze")
    arguments = parser.parse_args()
    try:
        elf = build(arguments.board, arguments.variant, frozen_manifest=arguments.manifest)
    except FirmwareError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, MissingToolError) else 1
    print(elf)
    return 0


if __name__ == "__main__":
    sys.exit(main())
