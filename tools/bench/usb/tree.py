"""The directories that umockdev's library shows to programs: /sys and /dev as in each of them.

A program's listener for events is a socket in its directory, named by the number of a file of
that program. Two programs may use the same number, so each gets a directory of its own; all of
them show the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

LIBRARY = "libumockdev-preload.so.0"
SOCKETS = "sockets"  # where they listen; the directories have hard links to them
EMPTY = ("dev/.node", "dev/.ptymap", "dev/bus/usb", "ioctl/dev", "sys/class/tty", "sys/dev/char")

Serve = Callable[[socket.socket], None]


class Tree:
    """Files below one temporary directory, all named relative to a directory such as
    "sys/class/tty/ttyACM0". Methods may be called by any thread."""

    def __init__(self) -> None:
        # short: the name of a socket has at most 107 bytes
        self.base = Path(tempfile.mkdtemp(prefix="romboot-", dir="/tmp"))
        self.base.chmod(0o755)
        (self.base / SOCKETS).mkdir()
        self._lock = threading.RLock()
        self._files: dict[str, bytes | str] = {}  # content, or target of a link
        self._modes: dict[str, int] = {}
        self._listeners: dict[str, socket.socket] = {}
        self._roots: list[Path] = []
        self._sockets = 0
        self.new_root()

    @property
    def root(self) -> Path:
        """The first directory."""
        return self._roots[0]

    def new_root(self) -> Path:
        """One more directory that shows the same."""
        with self._lock:
            root = self.base / str(len(self._roots))
            for folder in EMPTY:
                (root / folder).mkdir(parents=True, exist_ok=True)
            for path, content in self._files.items():
                _make(root, path, content, self._modes.get(path))
            for path in self._listeners:
                _link_socket(self._roots[0] / path, root / path)
            self._roots.append(root)
            return root

    def write(self, path: str, content: bytes | str, mode: int | None = None) -> None:
        """A file with a line of text, or with bytes."""
        data = content if isinstance(content, bytes) else f"{content}\n".encode()
        self._put(path, data, mode)

    def link(self, path: str, target: str) -> None:
        """A symbolic link with this text."""
        self._put(path, target, None)

    def _put(self, path: str, content: bytes | str, mode: int | None) -> None:
        with self._lock:
            self._files[path] = content
            if mode is not None:
                self._modes[path] = mode
            for root in self._roots:
                _make(root, path, content, mode)

    def listen(self, path: str, serve: Serve) -> None:
        """A socket; `serve` gets each connection, in a thread."""
        with self._lock:
            self._sockets += 1
            name = self.base / SOCKETS / str(self._sockets)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(name))
            name.chmod(0o777)  # also for programs of other users
            listener.listen(16)
            self._listeners[path] = listener
            for root in self._roots:
                _link_socket(name, root / path)
            name.unlink()
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()

    def remove(self, path: str) -> None:
        """A file, a link, a socket, or a directory with all that is in it."""
        with self._lock:
            gone = [name for name in self._files if name == path or name.startswith(f"{path}/")]
            for name in gone:
                del self._files[name]
                self._modes.pop(name, None)
            if path in self._listeners:
                _close(self._listeners.pop(path))
            for root in self._roots:
                whole = root / path
                if whole.is_dir() and not whole.is_symlink():
                    shutil.rmtree(whole)
                else:
                    whole.unlink(missing_ok=True)

    def send(self, message: bytes) -> None:
        """To each program that listens for events."""
        with self._lock:
            for root in self._roots:
                for path in root.glob("event[0-9]*"):
                    _send(path, message)

    def close(self) -> None:
        """Remove everything."""
        with self._lock:
            for listener in self._listeners.values():
                _close(listener)
            self._listeners.clear()
        shutil.rmtree(self.base, ignore_errors=True)


def _make(root: Path, path: str, content: bytes | str, mode: int | None) -> None:
    whole = root / path
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.unlink(missing_ok=True)
    if isinstance(content, str):
        whole.symlink_to(content)
    else:
        whole.write_bytes(content)
        whole.chmod(0o666 if mode is None else mode)


def _link_socket(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def _accept(listener: socket.socket, serve: Serve) -> None:
    with contextlib.suppress(OSError):
        while True:
            serve(listener.accept()[0])


def _close(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # ends `accept`
    listener.close()


def _send(path: Path, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_RAW) as sender:
        try:
            sender.connect(str(path))
            sender.send(message)
        except ConnectionRefusedError:  # that program has ended
            path.unlink(missing_ok=True)
