"""Values as Python source, for the modules that go to the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

BYTES_A_LINE = 20

Value: TypeAlias = "int | str | bytes | tuple[Value, ...]"


class Hex(int):
    """Printed as hexadecimal."""


def assignment(name: str, value: Value) -> Iterator[str]:
    """name = value, line by line."""
    first, *rest = lines(value)
    yield f"{name} = {first}"
    yield from rest


def lines(value: Value) -> list[str]:
    """A value as source: on one line if that is short enough."""
    text = _text(value)
    if len(text) < 80 and "\n" not in text:
        return [text]
    if isinstance(value, bytes):
        return _parenthesized(rows(value))
    if isinstance(value, str):
        return _wrapped(value)
    assert isinstance(value, tuple), value
    found = ["("]
    for item in value:
        *before, last = lines(item)
        found += [f" {line}" for line in before] + [f" {last},"]
    return [*found, ")"]


def rows(value: bytes) -> list[str]:
    """Of bytes, some in each line, to be put into parentheses."""
    parts = (value[i : i + BYTES_A_LINE] for i in range(0, len(value), BYTES_A_LINE))
    return [_text(part) for part in parts]


def _wrapped(text: str) -> list[str]:
    found = [""]
    for word in text.split(" "):
        if len(found[-1]) + len(word) > 70:
            found.append("")
        found[-1] += word + " "
    found[-1] = found[-1][:-1]
    return _parenthesized([_text(line) for line in found])


def _parenthesized(parts: list[str]) -> list[str]:
    return [f"({parts[0]}", *(f" {part}" for part in parts[1:-1]), f" {parts[-1]})"]


def _text(value: Value) -> str:
    if isinstance(value, Hex):
        return f"0x{int(value):X}"
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, str):
        assert '"' not in value and "\\" not in value
        return f'"{value}"'
    if isinstance(value, tuple):
        items = ", ".join(_text(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def _bytes(value: bytes) -> str:
    """As short as can be: the sources must fit into a board's file system."""
    parts = []
    for byte, following in zip(value, value[1:] + b"\0", strict=False):
        if 0x20 <= byte < 0x7F and chr(byte) not in '"\\':
            parts.append(chr(byte))
        elif byte or chr(following).isdigit():
            parts.append(f"\\x{byte:02x}")
        else:
            parts.append("\\0")
    return 'b"' + "".join(parts) + '"'
