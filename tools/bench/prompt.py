"""The MicroPython prompt of a board over its console wire, in virtual time."""

from __future__ import annotations

from .board import VirtualBoard

TIMEOUT_MS = 20_000  # virtual
STEP_MS = 5
RAW, END = b"\x01", b"\x04"  # Ctrl-A, Ctrl-D


class PromptError(Exception):
    """The board answered with a traceback, which is the message, or did not answer."""


class Prompt:
    """Talks to the raw REPL (docs.micropython.org, "Raw mode") of a powered board."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.wire = board.wires["console"]
        self._seen = b""
        self._until(b">>> ")
        self.wire.host.send(RAW)
        self._until(b"raw REPL; CTRL-B to exit\r\n>")

    def run(self, code: str) -> str:
        """Run code and wait for its end; its output. Raises PromptError with its traceback."""
        self.start(code)
        return self.finish()

    def finish(self) -> str:
        """Wait for the end of code that `start` began; its output. Raises PromptError."""
        output = self._until(END)
        error = self._until(END + b">")
        if error:
            raise PromptError(error.decode())
        return output.decode()

    def start(self, code: str | bytes) -> None:
        """Start code and return at once; it may never end."""
        self.wire.host.send((code.encode() if isinstance(code, str) else code) + END)
        self._until(b"OK")

    def listen(self, quiet_ms: int, *marks: bytes) -> bytes:
        """What the board sends up to one of these marks, or until it has been quiet so long."""
        said, quiet = b"", 0
        while quiet < quiet_ms:
            while self._seen:
                byte, self._seen, quiet = self._seen[:1], self._seen[1:], 0
                said += byte
                if said.endswith(marks):
                    return said
            self.board.run_ms(STEP_MS)
            quiet += STEP_MS
            self._seen += self.wire.host.read()
        return said

    def _until(self, mark: bytes) -> bytes:
        """What the board sends before `mark`. Raises PromptError."""
        for _ in range(TIMEOUT_MS // STEP_MS):
            self._seen += self.wire.host.read()
            if mark in self._seen:
                before, _, self._seen = self._seen.partition(mark)
                return before
            self.board.run_ms(STEP_MS)
        raise PromptError(f"no {mark!r} within {TIMEOUT_MS} ms, only {self._seen!r}")
