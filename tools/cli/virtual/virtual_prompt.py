"""The prompt of a virtual board in place of one on the desk: without a port, in virtual time."""

from __future__ import annotations

from ...bench import prompt as bench
from ...bench.board import VirtualBoard
from ..port.prompt import BoardError


class VirtualPrompt:
    """As prompt.Prompt, without a port.

    Attributes:
        board: the board.
        gone: its port has gone, which this one never does.
    """

    gone = False

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self._prompt = bench.Prompt(board)

    def run(self, code: str | bytes) -> str:
        """Run code and wait for its end; what it printed. Raises BoardError for an exception."""
        self.start(code)
        try:
            return self._prompt.finish().replace("\r\n", "\n")
        except bench.PromptError as error:
            raise BoardError(str(error)) from error

    def start(self, code: str | bytes) -> None:
        """Run code that may never end."""
        self._prompt.start(code)

    def left(self) -> None:
        """Nothing to do: nobody closes it."""

    def listen(self, quiet_s: float, *until: bytes) -> bytes:
        """What the board says until one of these, or until it has been quiet for so long."""
        return self._prompt.listen(int(quiet_s * 1000), *until)
