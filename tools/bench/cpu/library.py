"""Unicorn's functions by ctypes: its Python wrapper takes longer than most of them.

They are called hundreds of thousands of times a second, each for some microseconds, so Python's
global lock is not released. Other threads wait for the end of a slice of the CPU; the live server
(`tools.bench.server`) makes slices of a millisecond.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from unicorn.unicorn import UcError
from unicorn.unicorn_const import UC_CTL_IO_WRITE, UC_CTL_TB_REMOVE_CACHE, UC_ERR_OK
from unicorn.unicorn_py3 import unicorn as wrapper

_library = ctypes.PyDLL(wrapper.uclib._name)


def _function(name: str) -> Callable[..., int]:
    function, wrapped = getattr(_library, name), getattr(wrapper.uclib, name)
    function.argtypes, function.restype = wrapped.argtypes, wrapped.restype
    return function


emu_start = _function("uc_emu_start")
emu_stop = _function("uc_emu_stop")
hook_add = _function("uc_hook_add")
hook_del = _function("uc_hook_del")
mem_protect = _function("uc_mem_protect")
mmio_map = _function("uc_mmio_map")
reg_read = _function("uc_reg_read")
reg_write = _function("uc_reg_write")
_ctl = _library.uc_ctl
_REMOVE_CACHE = UC_CTL_IO_WRITE << 30 | 2 << 26 | UC_CTL_TB_REMOVE_CACHE  # of two arguments
#: These two take arguments that are ctypes objects already.
reg_read_batch = _library.uc_reg_read_batch
reg_write_batch = _library.uc_reg_write_batch


def ctl_remove_cache(handle: object, begin: int, end: int) -> int:
    return _ctl(handle, _REMOVE_CACHE, ctypes.c_uint64(begin), ctypes.c_uint64(end))


def check(status: int) -> None:
    """Raises UcError."""
    if status != UC_ERR_OK:
        raise UcError(status)
