"""One test body over a virtual board or a real one.

pytest                                  virtual NUCLEO_F429ZI and PYBV11; with the marker
                                        `boards` those that it names; test_matrix.py has all
pytest --device=PORT --rom-port=PORT    a real board: only the tests that are for one; with "=",
                                        or pytest takes the ports for folders with tests
pytest --device=PORT --rom-port=PORT --write   ... and its flash is written too
pytest --firmware FILE --board NAME     a virtual board with another image, also an official one
pytest --thorough                       also the tests with the marker `thorough`
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import tomllib
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from host_tests.target import LIB, MANIFEST, ROOT, RealTarget, Target, VirtualTarget
from tools.cli import main
from tools.cli.device.install import remove
from tools.cli.port.prompt import Prompt
from tools.cli.virtual.installed import Library, install
from tools.firmware import build

BOARDS = ("NUCLEO_F429ZI", "PYBV11")
# Folders of tests that wait for nothing. They come last, so that all processes end together.
QUICK = ("bench", "lib", "tables")
HAS_LIBRARY = """
try:
    from romboot import enter_bootloader
    print(True)
except ImportError:
    print(False)
"""


def in_the_library(board: Path) -> bool:
    """The library has the family of a board's chip, such as stm32f4 for STM32F429xx, and does not
    refuse it."""
    about = tomllib.loads(board.read_text())
    family = about["chip"][:7].lower()
    return "refused" not in about and (LIB / "romboot" / f"{family}.py").is_file()


EVERY_BOARD = tuple(sorted(p.stem for p in (ROOT / "boards").glob("*.toml") if in_the_library(p)))


def first_of_each(names: Iterable[str], alike: Callable[[str], Hashable]) -> list[ParameterSet]:
    """Parameters of a test: of the names that are alike only the first is not `thorough`."""
    seen: set[Hashable] = set()
    found: list[ParameterSet] = []
    for name in names:
        what = alike(name)
        found.append(pytest.param(name, marks=[pytest.mark.thorough] if what in seen else []))
        seen.add(what)
    return found


# The project's collection of chip facts. It is not part of the repository.
REFERENCE = Path(os.environ.get("ROMBOOT_REFERENCE", ROOT.parent / "shared" / "reference"))
NO_REFERENCE = (
    "{} comparisons with the collection of chip facts (masks and reset values of ST's headers, "
    "ROM facts of AN2606): it is not here; ROMBOOT_REFERENCE says where it is"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("romboot")
    group.addoption("--device", metavar="PORT", help="MicroPython prompt of a real board")
    group.addoption("--rom-port", metavar="PORT", help="where the real board's ROM answers")
    group.addoption("--write", action="store_true", help="allow writing the real board's flash")
    group.addoption("--firmware", type=Path, metavar="FILE", help="image for the virtual board")
    group.addoption(
        "--whole-suite", action="store_true", help="all of MicroPython's own tests, not a sample"
    )
    group.addoption("--thorough", action="store_true", help="also what takes long")
    group.addoption("--board", metavar="NAME", help="only this virtual board")
    group.addoption(
        "--record", action="store_true", help="note the image in docs/matrix.txt as official"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a board once on each of BOARDS, or of those of its marker."""
    if "board_name" in metafunc.fixturenames:
        config = metafunc.config
        marker = metafunc.definition.get_closest_marker("boards")
        names = list(marker.args if marker else BOARDS)
        if config.getoption("--device"):
            names = ["device"]
        if config.getoption("--board"):
            names = [config.getoption("--board")]
        metafunc.parametrize("board_name", names)


def pytest_configure(config: pytest.Config) -> None:
    """Each test leaves the board in its ROM, which starts the firmware again over its own port."""
    gc.disable()  # until everything is collected, as nothing of it is garbage
    # A background job of a shell ignores SIGINT, and so would each command that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--device") and not config.getoption("--rom-port"):
        raise pytest.UsageError(
            "--device needs --rom-port: the tests put the board into its ROM, and it gets back to "
            "its prompt by what they say to the ROM there"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """At --device only tests for a real board. Those of QUICK come last. Without the collection of
    chip facts one test is skipped in the name of all that need it."""
    if not config.getoption("--thorough"):
        _keep(config, items, [i for i in items if not i.get_closest_marker("thorough")])
    if config.getoption("--device"):
        _keep(config, items, [item for item in items if _for_a_real_board(item)])
    items.sort(key=lambda item: item.path.parent.name in QUICK)
    need = [item for item in items if _needs_reference(item)]
    if need and not (REFERENCE / "roms.json").exists():
        need[0].add_marker(pytest.mark.skip(reason=NO_REFERENCE.format(len(need))))
        _keep(config, items, [item for item in items if item not in need[1:]])


def pytest_collection_finish() -> None:
    """A virtual board is some 10,000 objects."""
    gc.set_threshold(2000)
    gc.enable()


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    keep = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in keep])
    items[:] = kept


def _for_a_real_board(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return {"board_name"} < set(fixtures) & {"board_name", "target", "ready"} and (
        "virtual" not in fixtures
    )


def _needs_reference(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return "reference" in fixtures or item.get_closest_marker("reference") is not None


@pytest.fixture(scope="module", autouse=True)
def few_collections() -> None:
    """What is there before a module lives to the end, as tests do and what was read once: Python's
    garbage collector need not look at it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def target(request: pytest.FixtureRequest, board_name: str) -> Iterator[Target]:
    """A board at its prompt, without the library: virtual and fresh, or the one at --device."""
    if request.config.getoption("--device"):
        request.getfixturevalue("clean_device")
    with _boot(request, board_name, None) as board:
        yield board


@pytest.fixture
def ready(request: pytest.FixtureRequest, board_name: str) -> Iterator[Target]:
    """A board with the library: frozen in; at --device see `library_on_device`; at --firmware see
    `installed`."""
    if request.config.getoption("--device"):
        request.getfixturevalue("library_on_device")
    with _boot(request, board_name, MANIFEST) as board:
        yield board


@pytest.fixture(scope="session")
def installed(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Library | None:
    """Where the image at --firmware has the library: it is put into its file system if need be.
    None for the bench firmware and for a real board."""
    image, name = pytestconfig.getoption("--firmware"), pytestconfig.getoption("--board")
    if not image or not name or pytestconfig.getoption("--device"):
        return None
    return install(name, image, tmp_path_factory.mktemp("installed") / "flash.bin")


@pytest.fixture(scope="session")
def clean_device(pytestconfig: pytest.Config) -> Iterator[None]:
    """If the board at --device had no library, it has none when the tests are over."""
    port = str(pytestconfig.getoption("--device"))
    with contextlib.closing(Prompt(port)) as prompt:
        had = prompt.run(HAS_LIBRARY).strip() == "True"
    yield
    if not had:
        with contextlib.closing(Prompt(port)) as prompt:
            for folder in ("/flash", "/flash/lib", "/lib", ""):
                remove(prompt, f"{folder}/romboot")


@pytest.fixture(scope="session")
def library_on_device(pytestconfig: pytest.Config, clean_device: None) -> None:
    """The library of the board at --device, put there if it has none."""
    port = str(pytestconfig.getoption("--device"))
    with contextlib.closing(Prompt(port)) as prompt:
        had = prompt.run(HAS_LIBRARY).strip() == "True"
    if not had and main(["install", "--device", port]):
        pytest.exit(f"the library could not be put onto the board at {port}")


@pytest.fixture
def virtual(ready: Target) -> VirtualTarget:
    """A virtual board with the library; skipped on a real one, which cannot be looked into."""
    if not isinstance(ready, VirtualTarget):
        pytest.skip("needs to look into the chip: virtual boards only")
    return ready


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What will not come is waited for half a second, by commands in this process."""
    monkeypatch.setattr("tools.cli.port.prompt.ANSWER_S", 0.5)
    monkeypatch.setattr("tools.cli.port.ports.HELD_S", 0.5)


@pytest.fixture
def writable(request: pytest.FixtureRequest, ready: Target) -> Target:
    """A board with the library whose flash may be written."""
    if isinstance(ready, RealTarget) and not request.config.getoption("--write"):
        pytest.skip("writes the flash of a real board: only with --write")
    return ready


def _boot(request: pytest.FixtureRequest, name: str, manifest: Path | None):
    port = request.config.getoption("--device")
    if port:
        return RealTarget.at(port, request.config.getoption("--rom-port"))
    image = request.config.getoption("--firmware")
    library: Library | None = request.getfixturevalue("installed") if manifest else None
    flash_file = library.flash_file if library else None
    image = image or build(name, frozen_manifest=manifest)
    return VirtualTarget.boot(name, image, flash_file)
