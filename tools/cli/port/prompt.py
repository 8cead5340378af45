"""The MicroPython prompt of a board on the desk, by mpremote's library."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from ..errors import PORT_ERRORS, CliError, in_shell
from . import ports

ANSWER_S = 3  # until a prompt that was interrupted answers
QUIET_S = 0.3  # the same, where it is no friendly prompt
BOOT_S = 20  # boot.py may take its time
SILENCE_S = 60  # the longest that code may run without a word
READ_S = 5  # of one read, where it blocks
CHUNK = 256  # bytes of a file that are sent in one command
PROMPT = b">>> "  # the friendly one
SOFT_RESET = b"\x04"  # at that
INTERRUPTED = b"KeyboardInterrupt"

SILENT = (
    "Its program does not stop at Ctrl-C, its prompt is at another port, or the board is in its "
    "ROM bootloader"
)
SENDING = (
    "What runs there goes on sending after Ctrl-C: it is a program that does not stop at that, or "
    "no MicroPython"
)
NO_ROOM = "the heap of this board has no room for this"

log = logging.getLogger(__name__)


class BoardError(CliError):
    """Code on the board ended with an exception. The sentence is its text; `kind` its class."""

    def __init__(self, traceback: str) -> None:
        last = traceback.strip().rpartition("\n")[2].strip()
        self.kind, _, text = last.partition(": ")
        # Only an exception of the library is a sentence without its class.
        sentence = last if hasattr(builtins, self.kind) else text or last
        no_room = self.kind == "MemoryError"
        super().__init__(f"{NO_ROOM} ({last})" if no_room else in_shell(sentence))


class NoPromptError(CliError):
    """Of a port, and why it may be so."""

    def __init__(self, port: str, why: str = SILENT) -> None:
        super().__init__(f"no MicroPython prompt answers on {port}. {why}")


class Transport(SerialTransport):
    """That of mpremote looks at its limits only when nothing has come, so it listens for ever to a
    program that prints; and it looks for what has come every 10 ms.

    Attributes:
        interrupted: a program has said that Ctrl-C ended it.
    """

    interrupted = False

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Callable[[bytes], None] | None = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """What comes until it ends so, or until one of the limits, in seconds: without a byte, and
        in all. The timeout of the port is what they may be exceeded by."""
        data, began = b"", time.monotonic()
        heard = began
        while not data.endswith(ending):
            byte, now = cast(Any, self.serial).read(1), time.monotonic()
            if byte:
                data, heard = data + byte, now
                if data_consumer:
                    data_consumer(byte)
            elif timeout is not None and now >= heard + timeout:
                break
            if timeout_overall is not None and now >= began + timeout_overall:
                break
        self.interrupted |= INTERRUPTED in data
        return data


class Prompt:
    """A raw prompt, right after a soft reset if it is to be fresh.

    Args:
        port: its name.
        fresh: with a soft reset; else what is imported stays.
        answer_s: how long it is waited for; None: ANSWER_S.

    Attributes:
        port: its name.
        transport: mpremote's end of it.
        gone: the port went while it was listened to, as that of a USB device does.
        interrupted: Ctrl-C has ended a program.
    """

    def __init__(self, port: str, *, fresh: bool = True, answer_s: float | None = None) -> None:
        answer_s = ANSWER_S if answer_s is None else answer_s
        self.port = port
        self.gone = self.interrupted = False
        self.transport = _open(port)
        line = cast(Any, self.transport.serial)
        try:
            with self._answering():
                self._interrupt(answer_s)
                line.timeout = answer_s  # what a read takes where it blocks
                self.transport.enter_raw_repl(False, cast(int, answer_s))
                line.timeout = READ_S
                self.interrupted = self.transport.interrupted  # also by a board that was slow
            if fresh:
                self.restart()
        except CliError:
            with contextlib.suppress(*PORT_ERRORS):  # it may have gone
                self.transport.close()
            raise

    def _interrupt(self, answer_s: float) -> None:
        """End a program, and wait for the prompt. It has not read what was sent before, such as a
        question to a ROM. If that fills the buffer of the board, Ctrl-C is heard all the same, but
        what follows it at once is lost."""
        line = cast(Any, self.transport.serial)
        line.timeout = QUIET_S
        line.write(b"\r\x03")
        began = time.monotonic()
        said = self.transport.read_until(1, PROMPT, timeout=QUIET_S, timeout_overall=answer_s)
        too_long = time.monotonic() >= began + answer_s and not said.endswith(PROMPT)
        if too_long and line.read(1):
            raise NoPromptError(self.port, SENDING)

    def restart(self) -> None:
        """A soft reset: nothing is imported."""
        with self._answering():
            self.transport.enter_raw_repl(soft_reset=True, timeout_overall=BOOT_S)

    def close(self) -> bool:
        """Leave the board at its friendly prompt, if it has one, and the port to others. True if
        a program had been interrupted: a soft reset starts boot.py and main.py again."""
        again = False
        with contextlib.suppress(OSError, TransportError):
            if self.transport.in_raw_repl:
                self.transport.exit_raw_repl()
                if self.interrupted:
                    cast(Any, self.transport.serial).write(SOFT_RESET)
                    again = True
        with contextlib.suppress(OSError):
            self.transport.close()
        return again

    def run(self, code: str | bytes) -> str:
        """Run code and wait for its end; what it printed. Raises BoardError for an exception."""
        log.info("%s: %s", self.port, code.strip() if isinstance(code, str) else code)
        with self._answering():
            output, error = self.transport.exec_raw(code, timeout=SILENCE_S)
        if error:
            raise BoardError(error.decode(errors="replace"))
        return output.decode(errors="replace").replace("\r\n", "\n")

    def write_file(self, path: str, data: bytes) -> None:
        """Make a file on the board, or replace it.

        It is written when all of it is there, and nothing is sent meanwhile: many boards lose
        characters of a UART while their flash is erased (github.com/micropython/micropython,
        pull request 9054, issue 18461). All at once, as then a sector is erased less often.
        """
        log.info("%s: writing %s", self.port, path)
        self.run("parts = []")
        for at in range(0, len(data), CHUNK):
            self.run(b"parts.append(" + literal(data[at : at + CHUNK]) + b")")
        write = f"with open({path!r}, 'wb') as file: file.write(b''.join(parts))"
        self.run(f"{write}\nparts = None")

    def start(self, code: str) -> None:
        """Run code that may never end."""
        log.info("%s: %s", self.port, code.strip())
        with self._answering():
            self.transport.exec_raw_no_follow(code)

    def left(self) -> None:
        """The board is no longer at its prompt: nothing is to be sent to it, also by close()."""
        self.transport.in_raw_repl = False

    def listen(self, quiet_s: float, *until: bytes) -> bytes:
        """What the board says until one of these, or until it has been quiet for so long, or its
        port has gone."""
        port, said = cast(Any, self.transport.serial), b""
        end = time.monotonic() + quiet_s
        try:
            while time.monotonic() < end and not said.endswith(until):
                if port.inWaiting() and (byte := port.read(1)):
                    said += byte
                    end = time.monotonic() + quiet_s
                else:
                    time.sleep(0.005)
        except OSError:
            self.gone = True
        return said

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        said = io.StringIO()  # mpremote prints what it cannot make sense of
        try:
            with contextlib.redirect_stdout(said):
                yield
        except TransportExecError as error:
            raise BoardError(error.error_output) from error
        except (TransportError, OSError, struct.error) as error:
            log.info("%s: %s %s", self.port, error, said.getvalue().strip())
            raise NoPromptError(self.port) from error


def literal(data: bytes) -> bytes:
    """Source of a bytes object, as short as it may be: nothing that a prompt takes for a command
    is in it."""
    out = bytearray(b"b'")
    for byte, following in zip(data, data[1:] + b"\0", strict=True):
        if byte in b"'\\":
            out += bytes([ord("\\"), byte])
        elif byte >= 0x20 and byte != 0x7F:
            out.append(byte)
        elif following in b"01234567":
            out += b"\\x%02x" % byte
        else:
            out += b"\\%o" % byte
    return bytes(out + b"'")


def _open(port: str) -> Transport:
    try:
        return Transport(port, timeout=READ_S)
    except (TransportError, *PORT_ERRORS) as error:
        raise ports.refused(port) from error
