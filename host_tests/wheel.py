"""The wheel of this project, as a user installs it: built from the sdist, in a new virtual
environment that has what the wheel's own metadata asks for and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from host_tests.target import ROOT

NOT_OURS = shutil.ignore_patterns(
    ".*", "build", "*.egg-info", "__pycache__", "dist", "node_modules"
)  # by tools


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist, made of the checkout, and the wheel, made of the sdist."""
    shutil.copytree(ROOT, folder / "checkout", ignore=NOT_OURS)
    sdist = _backend("build_sdist", folder / "checkout", folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    return sdist, _backend("build_wheel", unpacked, folder)


def _backend(function: str, source: Path, folder: Path) -> Path:
    """A function of PEP 517."""
    code = f"from setuptools import build_meta; print(build_meta.{function}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.splitlines()[-1]


@dataclass
class Installed:
    """A virtual environment with the wheel, and another folder to run in."""

    environment: Path
    elsewhere: Path

    def romboot(
        self, *words: str, timeout: float = 200, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """The command, to its end."""
        with self.start(*words, **more) as process:
            try:
                output, errors = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return subprocess.CompletedProcess(words, process.returncode, output, errors)

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """The command, with hardly any environment."""
        bare = {"PATH": "/usr/bin:/bin", "HOME": str(self.elsewhere)}
        return subprocess.Popen(
            [str(self.environment / "bin" / "romboot"), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.elsewhere,
            env=bare | more,
        )


def install(wheel: Path, folder: Path, extra: str = "") -> Installed:
    """Into a new virtual environment. What it depends on is copied from ours: no network."""
    venv.create(folder / "environment", symlinks=True)
    python = folder / "environment" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    command += ["--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run(command, check=True)
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (found,) = importlib.metadata.distributions(name="romboot", path=[str(packages)])
    for name in _needed(found, extra):
        _copy(importlib.metadata.distribution(name), packages)
    (folder / "elsewhere").mkdir()
    return Installed(folder / "environment", folder / "elsewhere")


def _needed(top: importlib.metadata.Distribution, extra: str) -> set[str]:
    found: set[str] = set()
    todo = [(top, extra)]
    while todo:
        distribution, extra = todo.pop()
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name not in found:
                found.add(requirement.name)
                todo.append((importlib.metadata.distribution(requirement.name), ""))
    return found


def _copy(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    for file in distribution.files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        target = packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(file.locate(), target)
