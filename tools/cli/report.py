"""What the user sees: one line for each state, or one JSON object, and progress bars."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator

from .said import at_s, printable

KIB = 1024
NAME = 12  # characters for the name of a state
BAR = "{l_bar}{bar}| {elapsed}"  # no guess of what is left: erasing and writing differ in speed

Progress = Callable[[int], None]


class Report:
    """Lines for people or, if as_json, an object per line for scripts."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._json = as_json

    def state(self, name: str, text: str, **facts: object) -> None:
        """A state is reached."""
        if self._json:
            print(json.dumps({"state": name, "text": text, "at_s": at_s(), **facts}))
        else:
            print(f"{name:<{NAME}} {text}")

    def fact(self, text: str, **facts: object) -> None:
        """More of the state before it."""
        if self._json:
            self.state("note", text, **facts)
        else:
            print(f"{'':<{NAME}} {text}")

    def warn(self, text: str) -> None:
        """Not part of what was asked for."""
        if self._json:
            self.state("warning", text)
        else:
            print(f"romboot: {printable(text)}", file=sys.stderr, flush=True)

    def result(self, name: str, text: str, line: str, **facts: object) -> None:
        """What was asked for: a text of its own; or an object, with this line."""
        if self._json:
            self.state(name, line, **facts)
        else:
            print(text)

    def hint(self, text: str) -> None:
        """For people: lines below a state, which has the same for scripts."""
        if not self._json:
            print(text)

    def begins(self, name: str, text: str) -> None:
        """A state where nobody sees the progress bar."""
        if self._json or not (sys.stdout.isatty() and sys.stderr.isatty()):
            self.state(name, text)

    @contextlib.contextmanager
    def meter(self, name: str, total: int) -> Iterator[Progress]:
        """A progress bar where someone looks; it is told how many more bytes are done."""
        if self._json or not sys.stderr.isatty():
            yield lambda _: None
            return
        from tqdm import tqdm  # it takes a while to import

        with tqdm(total=total, desc=f"{name:<{NAME}}", bar_format=BAR, leave=False) as shown:

            def more(count: int) -> None:
                shown.update(count)

            yield more

    @contextlib.contextmanager
    def bar(self, name: str, total: int, of: str, **facts: object) -> Iterator[Progress]:
        """The same, and the state when it is over."""
        began = time.monotonic()
        with self.meter(name, total) as more:
            yield more
        self.took(name, of, time.monotonic() - began, **facts)

    def took(self, name: str, of: str, seconds: float, **facts: object) -> None:
        """A state that took a while."""
        self.state(name, f"{of}, {seconds:.1f} s", **facts, seconds=round(seconds, 3))


def size(count: int) -> str:
    """Bytes, to be read."""
    return number(count, "byte") if count < 10 * KIB else f"{count / KIB:.0f} KiB"


def number(count: int, what: str) -> str:
    """So many of these."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
