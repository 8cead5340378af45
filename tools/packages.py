"""Which files of lib/romboot a board needs, and the package files for mip.

    python -m tools.packages         writes package.json and lib/<family>.json

A module that is called as a family (stm32f4), or whose name begins with that and an underscore, is
for that family alone. areas.py is for those whose flash is write-protected by areas, sectors.py
for the others, cache.py for Cortex-M7 only, external.py for all but ARMv6-M, which have no memory
that code cannot run in. stm32n6.py is for none: it says why an STM32N6 is refused, in a library
for all families. All others are for every board. lib/manifest.py goes by what is written here.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import paths, tables
from .tables.family import M7, Family

FOLDER = paths.LIB / "romboot"
AREAS, SECTORS = "areas.py", "sectors.py"
CACHES, EXTERNAL = "cache.py", "external.py"
REFUSED = "stm32n6.py"


def families() -> list[str]:
    """As users say it: "f4"."""
    return [short(family) for family in tables.FAMILIES]


def short(family: Family) -> str:
    """ "f4" for the STM32F4."""
    return family.module.removeprefix("stm32")


def files(family: str | None = None) -> list[str]:
    """The library's files for one family, or all of them."""
    names = sorted(path.name for path in FOLDER.glob("*.py"))
    return [name for name in names if family is None or family in _owners(name)]


def _owners(name: str) -> list[str]:
    """The families that need a file."""
    if name == REFUSED:
        return []
    if name in (AREAS, SECTORS):
        areas = name == AREAS
        return [short(f) for f in tables.FAMILIES if f.write_protection.by_areas == areas]
    if name == CACHES:
        return [short(family) for family in tables.FAMILIES if family.core is M7]
    if name == EXTERNAL:
        return [short(family) for family in tables.FAMILIES if not family.core.armv6m]
    first = name.removesuffix(".py").partition("_")[0].removeprefix("stm32")
    return [first] if first in families() else families()


def package(family: str | None) -> str:
    """The text of a package file for mip; its urls are relative to the folder of the file."""
    folder = "romboot/" if family else "lib/romboot/"
    content = {
        "urls": [[f"romboot/{name}", f"{folder}{name}"] for name in files(family)],
        "deps": [],
        "version": paths.version(),
    }
    return json.dumps(content, indent=2) + "\n"


def packages() -> dict[Path, str]:
    """Every package file and its text."""
    texts = {paths.LIB / f"{family}.json": package(family) for family in families()}
    return {paths.ROOT / "package.json": package(None)} | texts


def main() -> None:
    """Write them."""
    for path, text in packages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(paths.ROOT))


if __name__ == "__main__":
    main()
