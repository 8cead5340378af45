"""The pages that people read: their commands, their code, their links."""

from __future__ import annotations

import re
from pathlib import Path

from host_tests.target import ROOT

README, DOCS = ROOT / "README.md", ROOT / "docs"
GENERATED = (DOCS / "boards.md", DOCS / "facts.md")  # tests of their own write them again
HAND_WRITTEN = (
    README,
    *sorted(set(DOCS.glob("*.md")) - set(GENERATED)),
    DOCS / "silicon" / "README.md",
)
PROGRAMS = (
    *("romboot", "make", "mpremote", "pip", "python", "pytest", "stm32flash", "dfu-util"),
    *("objcopy", "objdump", "sleep", "env", "eval"),
)
# FILE, or "and so on": nothing to run.
PLACE = re.compile(r"\b[A-Z]{4,}\b(?!=|[_a-z])|\.\.\.|XXXX")


def text() -> str:
    """All of them."""
    return "\n".join(path.read_text() for path in HAND_WRITTEN)


def blocks(language: str, of: str | None = None) -> list[str]:
    """Fenced code, of one text or of all."""
    return re.findall(rf"^```{language}\n(.*?)^```", text() if of is None else of, re.M | re.S)


def spans(of: str) -> list[str]:
    """Inline code, each in one line."""
    without_blocks = re.sub(r"^```.*?^```", "", of, flags=re.M | re.S)
    return [" ".join(span.split()) for span in without_blocks.split("`")[1::2]]


def commands() -> set[str]:
    """What a reader may paste into a shell: in a block, in a cell of a table, or in prose if it is
    more than a name such as `romboot flash`. Not with FILE in it."""
    lines = [line.partition("  #")[0].strip() for b in blocks("sh") for line in b.splitlines()]
    cells = re.findall(r"\| `([^`|]+)`", text())
    every = [*lines, *cells, *(span for span in spans(text()) if span.count(" ") > 1)]
    found = {line for line in every if _program(line) in PROGRAMS and not PLACE.search(line)}
    return {line for line in found if " " in line}


def of(program: str, every: str) -> list[str]:
    """Commands of one program in a text, also those with a place for a name."""
    found = [*spans(every), *(line for b in blocks("sh", every) for line in b.splitlines())]
    return sorted({line for line in found if _program(line) == program and " " in line})


def _program(line: str) -> str:
    return line.partition(" ")[0].rpartition("/")[2]


def links(path: Path) -> list[str]:
    """Where its links lead that are no addresses."""
    return re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text())


def anchors(path: Path) -> set[str]:
    """Names that GitHub gives to the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
