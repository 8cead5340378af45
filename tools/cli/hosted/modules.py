"""The library, run on this machine: its modules as they are, in surroundings that are given to it.

So what decides for a board that holds no library is the library, with its checks and sentences.
Nothing of it gets into sys.modules.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, cast

from ...paths import LIB

NAME = "romboot"
FOLDER = LIB / NAME


class Modules:
    """lib/romboot. `surroundings` has the modules that it finds in place of others: those that
    only MicroPython has, and perhaps some of its own."""

    def __init__(self, surroundings: dict[str, Any]) -> None:
        self.surroundings = surroundings
        self._own: dict[str, ModuleType] = {}
        self._builtins = vars(builtins) | {"__import__": self._import}

    def module(self, name: str = "") -> Any:
        """One of its modules; without a name, the package. ImportError if there is none."""
        self._load(NAME)
        return self._load(f"{NAME}.{name}" if name else NAME)

    def source(self, module: str, *functions: str) -> str:
        """Functions of a module as source that needs nothing else of it: for the board."""
        text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        return extract(ast.parse(text), functions, vars(self.module(module)))

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level:
            name = f"{NAME}.{name}".rstrip(".")
        if name.partition(".")[0] != NAME:
            if name in self.surroundings:
                return self.surroundings[name]
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = self._load(name)
        for each in fromlist or ():
            if name == NAME and not hasattr(module, each):
                setattr(module, each, self._load(f"{name}.{each}"))
        return module

    def _load(self, name: str) -> Any:
        if name in self.surroundings:
            return self.surroundings[name]
        if name not in self._own:
            path = FOLDER / f"{name[len(NAME) + 1 :] or '__init__'}.py"
            if not path.is_file():
                raise ModuleNotFoundError(f"there is no {path.name} in the library", name=name)
            module = self._own[name] = ModuleType(name)
            vars(module)["__builtins__"] = self._builtins
            exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(module))
        return self._own[name]


def extract(tree: ast.Module, names: Sequence[str], values: Mapping[str, Any]) -> str:
    """Functions of a module with what they use of it: imports, and variables. Numbers that do not
    change are in place of their names. Imports of other modules of the library are left out."""
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    nodes = [node for function in functions for node in ast.walk(function)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    changed = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    numbers = {
        name: values[name]
        for name in used - changed
        if isinstance(values.get(name), int) and not hasattr(builtins, name)
    }
    before = [part for node in tree.body for part in _needed(node, used - set(numbers), values)]
    body = [*before, *(_Shorter(numbers).visit(function) for function in functions)]
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, []))) + "\n"


def narrow(source: str) -> str:
    """The same with 1 space in place of 4."""
    return re.sub("^ +", lambda indent: indent[0][::4], source, flags=re.MULTILINE)


def _needed(node: ast.stmt, used: set[str], values: Mapping[str, Any]) -> Iterator[ast.stmt]:
    """An import or an assignment of a module, without what is not used."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return  # of the library, which the board need not have
    if isinstance(node, ast.Import | ast.ImportFrom):
        node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
        if node.names:
            yield node
    elif isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in used:
        constant = isinstance(values[name], bytes)
        yield ast.Assign(node.targets, ast.Constant(values[name]) if constant else node.value)


class _Shorter(ast.NodeTransformer):
    """Numbers in place of names; no docstrings."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._numbers[node.id]) if node.id in self._numbers else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        if ast.get_docstring(node):
            del node.body[0]
        return cast(ast.stmt, self.generic_visit(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        return None if node.level else node
