"""The two ends of a wire, and the pseudo terminal at one of them."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import serial

from tools.bench.wires import BACKLOG, PtyEnd, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire("console", "PB10/PB11")


@pytest.fixture
def end(wire: Wire) -> Iterator[PtyEnd]:
    end = PtyEnd(wire)
    yield end
    end.close()


def open_client(end: PtyEnd) -> serial.Serial:
    return serial.Serial(end.path, 115200, timeout=2)


def pump_until_idle(end: PtyEnd) -> None:
    while end.pump() or select.select([end], [], [], 0.05)[0]:
        pass


def test_bytes_go_both_ways_and_once(wire: Wire) -> None:
    wire.host.send(b"ab")
    wire.host.send(b"c")
    wire.to_host(b"xyz")
    assert wire.waiting
    assert (wire.from_host(), wire.from_host()) == (b"abc", b"")
    assert (wire.host.read(), wire.host.read()) == (b"xyz", b"")
    assert not wire.waiting


def test_sending_rings_the_bell(wire: Wire) -> None:
    rung: list[int] = []
    wire.on_host_data = lambda: rung.append(threading.get_ident())
    wire.host.send(b"")
    assert rung == []
    wire.host.send(b"a")
    assert rung == [threading.get_ident()]


def test_every_byte_value_passes_a_pty_both_ways(wire: Wire, end: PtyEnd) -> None:
    everything = bytes(range(256))
    with open_client(end) as client:
        client.write(everything)
        pump_until_idle(end)
        assert wire.from_host() == everything
        wire.to_host(everything)
        end.pump()
        assert client.read(256) == everything
        assert wire.from_host() == b""  # no echo


def test_what_a_client_wrote_before_it_closed_arrives(wire: Wire, end: PtyEnd) -> None:
    with open_client(end) as client:
        client.write(b"last words")
    pump_until_idle(end)
    assert wire.from_host() == b"last words"


def test_clients_come_and_go(wire: Wire, end: PtyEnd) -> None:
    for word in (b"one", b"two", b"three"):
        with open_client(end) as client:
            client.write(word)
            pump_until_idle(end)
            wire.to_host(wire.from_host().upper())
            end.pump()
            assert client.read(len(word)) == word.upper()


def test_without_a_reader_the_chip_is_not_held_up(wire: Wire, end: PtyEnd) -> None:
    blob = Random(1).randbytes(4 * BACKLOG)
    wire.to_host(blob)
    for _ in range(100):
        end.pump()
    assert end.backlogged
    assert end.dropped > 0
    with open_client(end):  # pyserial empties what the terminal holds when it opens
        pass
    read = bytearray()
    client = os.open(end.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while end.pump() or select.select([client], [], [], 0.05)[0]:
            if select.select([client], [], [], 0)[0]:
                read += os.read(client, 65536)
    finally:
        os.close(client)
    assert blob.endswith(bytes(read))  # the newest are kept, in order
    assert BACKLOG - 8192 < len(read) <= BACKLOG  # the terminal's own 4 KiB may have been flushed


def test_pump_moves_nothing_when_there_is_nothing(end: PtyEnd) -> None:
    assert end.pump() is False


def test_link_points_to_the_terminal_and_goes_with_it(wire: Wire, tmp_path: Path) -> None:
    link = tmp_path / "console"
    link.symlink_to("/nowhere")  # left by an earlier run
    end = PtyEnd(wire, link)
    assert end.path == str(link)
    assert os.readlink(link) == end.device
    with open_client(end) as client:
        client.write(b"hi")
        pump_until_idle(end)
    assert wire.from_host() == b"hi"
    end.close()
    assert not link.is_symlink()


def test_link_never_replaces_a_file(wire: Wire, tmp_path: Path) -> None:
    precious = tmp_path / "console"
    precious.write_text("mine")
    with pytest.raises(FileExistsError, match="not a symbolic link"):
        PtyEnd(wire, precious)
    assert precious.read_text() == "mine"
