"""A virtual board at its prompt, for the tests of the bench firmware.

Nothing waits here: the board runs in this process, as fast as it can, and only while asked.
"""

from __future__ import annotations

from pathlib import Path

from tools.bench.board import VirtualBoard
from tools.firmware import build

PROMPT = b"\r\n>>> "


class Prompt:
    """A board that is at its prompt."""

    def __init__(self, name: str, frozen_manifest: Path | None = None) -> None:
        self.name = name
        image = build(name, frozen_manifest=frozen_manifest)
        self.board = VirtualBoard.load(name, firmware=image)
        self.banner = self.until(PROMPT)

    def until(self, end: bytes, ms: int = 5000) -> str:
        """What the board says, up to and with `end`."""
        said = b""
        for _ in range(ms // 2):
            self.board.run_ms(2)
            said += self.board.wires["console"].host.read()
            if said.endswith(end):
                return said.decode()
        raise AssertionError(f"after {ms} ms there is no {end!r} in {said.decode()!r}")

    def send(self, data: bytes) -> None:
        self.board.wires["console"].host.send(data)

    def run(self, code: str, end: bytes = PROMPT) -> list[str]:
        """The lines that the code prints; it goes in through paste mode."""
        self.send(b"\x05")
        self.until(b"=== ")
        for line in code.strip().splitlines():  # a line at a time: the receive buffer is small
            self.send(line.encode() + b"\r")
            self.until(b"\r\n=== ")
        self.send(b"\x04")
        return self.until(end).removesuffix(end.decode()).split("\r\n")[1:]
