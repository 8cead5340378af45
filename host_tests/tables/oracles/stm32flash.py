"""stm32flash's own table of chips, read off what it prints when a bootloader answers."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import threading
import tty
from dataclasses import dataclass

ACK = b"\x79"
SYNC, GET, GET_VERSION, GET_ID = 0x7F, 0x00, 0x01, 0x02  # AN3155 rev 20, table 2
COMMANDS = bytes.fromhex("31 00 01 02 11 21 31 43 63 73 82 92")


@dataclass(frozen=True)
class Device:
    """Sizes in bytes."""

    name: str
    ram: int
    system_memory: int


def installed() -> bool:
    """Is stm32flash there? (Debian package stm32flash)"""
    return shutil.which("stm32flash") is not None


def ask(dev_id: int) -> Device:
    """What stm32flash believes of the chip with this DEV_ID."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    rom = threading.Thread(target=_answer, args=(ours, dev_id), daemon=True)
    rom.start()
    try:
        # a pty has no parity
        command = ["stm32flash", "-m", "8n1", os.ttyname(theirs)]
        text = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    finally:
        os.close(theirs)
        rom.join(5)
        os.close(ours)
    name = re.search(r"Device ID\s*: 0x\w+ \((.*)\)", text)
    ram = re.search(r"RAM\s*: Up to (\d+)KiB", text)
    system = re.search(r"System RAM\s*: (\d+)KiB", text)
    assert name and ram and system, text
    return Device(name[1], int(ram[1]) * 1024, int(system[1]) * 1024)


def _answer(port: int, dev_id: int) -> None:
    """The commands by which a host gets to know a bootloader."""
    identity = bytes((1, dev_id >> 8, dev_id & 0xFF))
    answers = {
        GET: bytes((len(COMMANDS) - 1,)) + COMMANDS,
        GET_VERSION: b"\x31\x00\x00",
        GET_ID: identity,
    }
    while (command := _byte(port)) is not None:
        if command == SYNC:
            os.write(port, ACK)
        elif _byte(port) is not None:  # the complement
            os.write(port, ACK + answers.get(command, b"") + ACK)


def _byte(port: int) -> int | None:
    try:
        return (os.read(port, 1) or [None])[0]
    except OSError:  # the other end is closed
        return None
