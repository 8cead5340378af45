"""Where the files are that are no Python modules of this package.

In a checkout this package is the folder tools/, and lib/ and boards/ are beside it. In a wheel the
package is `romboot_host`, and they are inside it (see pyproject.toml).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALLED = (HERE / "lib").is_dir()
ROOT = HERE if INSTALLED else HERE.parent

LIB = ROOT / "lib"  # on a board's sys.path, this is what has the package romboot
BOARDS = ROOT / "boards"
MANIFEST = LIB / "manifest.py"
DOCS = "https://github.com/romboot/romboot/blob/main/docs"  # a wheel has none


def cache() -> Path:
    """The folder for downloads and builds: `$ROMBOOT_CACHE` if set, `.cache` of a checkout,
    and else that of the user. It may not exist yet."""
    if chosen := os.environ.get("ROMBOOT_CACHE"):
        return Path(chosen).resolve()
    if not INSTALLED:
        return ROOT / ".cache"
    users = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(users) if users else Path.home() / ".cache") / "romboot"


def version() -> str:
    """That of the library, which the tools are part of."""
    source = (LIB / "romboot" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"', source, re.MULTILINE)
    return found[1] if found else "unknown"
