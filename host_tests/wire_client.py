"""stm32loader's library on a wire of a virtual board, in virtual time: no terminal, no thread."""

from __future__ import annotations

from stm32loader.bootloader import Stm32Bootloader

from tools.bench.board import VirtualBoard

ACK, SYNC = b"\x79", b"\x7f"  # AN3155 2, 3
START_MS = 1000  # AN2606 table 227: what the ROMs take from their start to their first answer
STEP_MS = 1


class WireConnection:
    """What Stm32Bootloader takes for a serial port."""

    timeout = 5.0

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board
        self._wire = board.wires["rom"].host
        self._heard = b""

    def write(self, data: bytes) -> None:
        self._wire.send(bytes(data))

    def read(self, length: int = 1) -> bytes:
        """As serial.Serial: fewer bytes if they do not come in time."""
        for _ in range(int(self.timeout * 1000 / STEP_MS)):
            self._heard += self._wire.read()
            if len(self._heard) >= length:
                break
            self._board.run_ms(STEP_MS)
        data, self._heard = self._heard[:length], self._heard[length:]
        return data

    def flush_input_buffer(self) -> None:
        self._heard = b""
        self._wire.read()


def connect(board: VirtualBoard) -> Stm32Bootloader:
    """A client of the ROM that has started on this board, and answers."""
    board.run_ms(START_MS)
    connection = WireConnection(board)
    connection.flush_input_buffer()
    connection.write(SYNC)
    assert connection.read() == ACK, "no ROM answers"
    return Stm32Bootloader(connection, verbosity=0)
