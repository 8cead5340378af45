"""Unicorn's hooks by ctypes: its Python wrapper would double their time.

A hook has no effect on code that was translated before; a removed hook is never called.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from unicorn import (
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_EDGE_GENERATED,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_WRITE,
)
from unicorn.unicorn_const import UC_MEM_WRITE
from unicorn.unicorn_py3.unicorn import (
    HOOK_CODE_CFUNC,
    HOOK_EDGE_GEN_CFUNC,
    HOOK_MEM_ACCESS_CFUNC,
)

from . import library

_MOST_REMOVED = 1000  # then all code is translated again, and they can be freed


class Hooks:
    """The hooks of one engine.

    Args:
        handle: Unicorn's.
        failed: called with an exception in a callback: it cannot pass through Unicorn.
        added: called with the first and the last address of a hook, 1 and 0 if it is for all.

    Attributes:
        outdated: all code must be translated again before any is executed; then call `flushed`.
    """

    def __init__(
        self,
        handle: object,
        failed: Callable[[BaseException], None],
        added: Callable[[int, int], None],
    ) -> None:
        self._handle, self._failed, self._added = handle, failed, added
        self.outdated = False
        self._callbacks: dict[int, object] = {}  # by handle: ctypes frees what nothing refers to
        self._removed: list[object] = []  # the same, until no translated code calls them

    def flushed(self) -> None:
        self.outdated = False
        self._removed.clear()

    # Each returns what ends it.

    def on_instruction(
        self, fn: Callable[[int, int], None], low: int = 1, high: int = 0
    ) -> Callable[[], None]:
        """Call `fn(address, bytes)` before each instruction, or each of [low, high]."""
        return self._removable(UC_HOOK_CODE, HOOK_CODE_CFUNC(self._guarded(fn)), low, high)

    def on_block(
        self, fn: Callable[[int, int], None], low: int = 1, high: int = 0
    ) -> Callable[[], None]:
        """Call `fn(address, bytes)` as each block of code begins, or each in [low, high]."""
        return self._removable(UC_HOOK_BLOCK, HOOK_CODE_CFUNC(self._guarded(fn)), low, high)

    def on_access(self, fn: Callable[[bool, int, int], None]) -> Callable[[], None]:
        """Call `fn(write, address, bytes)` before each data access."""

        def callback(h: object, access: int, address: int, size: int, v: int, d: object) -> None:
            try:
                fn(access == UC_MEM_WRITE, address, size)
            except BaseException as error:
                self._failed(error)

        kind = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE
        return self._removable(kind, HOOK_MEM_ACCESS_CFUNC(callback), 1, 0)

    def on_translation(self, fn: Callable[[int, int], None]) -> None:
        """Call `fn(address, bytes)` when a block of code has been translated, before it is
        executed; but for the first one of a run."""

        def callback(handle: object, block: Any, before: object, data: object) -> None:
            try:
                fn(block.contents.pc, block.contents.size)
            except BaseException as error:
                self._failed(error)

        self.add(UC_HOOK_EDGE_GENERATED, HOOK_EDGE_GEN_CFUNC(callback))

    def add(self, kind: int, callback: Any, low: int = 1, high: int = 0) -> int:
        """Add a hook that is never removed; its handle."""
        hook = ctypes.c_size_t()
        pointer = ctypes.cast(callback, ctypes.c_void_p)
        at = (ctypes.c_uint64(low), ctypes.c_uint64(high))
        status = library.hook_add(self._handle, ctypes.byref(hook), kind, pointer, None, *at)
        library.check(status)
        self._callbacks[hook.value] = callback
        return hook.value

    def _guarded(
        self, fn: Callable[[int, int], None]
    ) -> Callable[[object, int, int, object], None]:
        def callback(handle: object, address: int, size: int, data: object) -> None:
            try:
                fn(address, size)
            except BaseException as error:
                self._failed(error)

        return callback

    def _removable(self, kind: int, callback: Any, low: int, high: int) -> Callable[[], None]:
        hook = self.add(kind, callback, low, high)
        self._added(low, high)

        def remove() -> None:
            library.check(library.hook_del(self._handle, hook))
            self._removed.append(self._callbacks.pop(hook))
            self.outdated = self.outdated or len(self._removed) > _MOST_REMOVED

        return remove
