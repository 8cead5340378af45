"""python -m tools.tables: write what the tables compile to into lib/romboot/."""

from __future__ import annotations

from pathlib import Path

from . import FAMILIES
from .compiler import modules

LIB = Path(__file__).parents[2] / "lib" / "romboot"


def main() -> None:
    """Write the modules, and say how long each is."""
    for name, text in modules(FAMILIES).items():
        (LIB / name).write_text(text)
        print(f"{name}: {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
