"""The library, run on this machine: its modules as they are, in surroundings that are given to it.

So what decides for a board that holds no library is the library, with its checks and sentences.
Nothing of it gets into sys.modules.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ..paths import LIB

NAME = "romboot"
FOLDER = LIB / NAME


class Hosted:
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

    def source(self, module: str, function: str) -> str:
        """A function of the library as source that needs nothing else of it: for the board."""
        text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        return extract(ast.parse(text), function, vars(self.module(module)))

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


def extract(tree: ast.Module, name: str, values: Mapping[str, Any]) -> str:
    """A function of a module as source of its own: with the imports that it needs, and with the
    module's constants as numbers and bytes."""
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    if ast.get_docstring(function):
        del function.body[0]
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    wanted: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
            wanted += [node] if node.names else []
    whole = ast.Module([*wanted, _Constants(values).visit(function)], [])
    return ast.unparse(ast.fix_missing_locations(whole)) + "\n"


class _Constants(ast.NodeTransformer):
    """Puts the values of a module's constants in place of their names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        if isinstance(node.ctx, ast.Load) and isinstance(value, int | bytes):
            return ast.copy_location(ast.Constant(value), node)
        return node
