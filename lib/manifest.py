# The files of the library, for a firmware to freeze: see manifest.py of the repository.
import json
import os
import subprocess
import sys

options.defaults(asm=True, chip=None, family=None, small=False)
metadata(
    description="From a MicroPython prompt on an STM32 into its factory ROM bootloader",
)
_NOT_IN_SMALL = ("areas.py", "sectors.py", "entry.py", "errors.py", "external.py", "facts.py")
_NOT_IN_SMALL += ("reset.py",)


def _python(folder):
    return {name for name in os.listdir(folder) if name.endswith(".py")}


def _of_family(family):
    # The package file of mip knows them.
    with open(family + ".json") as package_file:
        return {target.split("/")[-1] for target, _ in json.load(package_file)["urls"]}


def _of_chip(name):
    # Its family, and a folder with the modules that have the tables of this chip alone.
    if sys.version_info < (3, 11):  # noqa: UP036
        raise ValueError("chip= needs Python 3.11 or newer; family= does not")
    tools = "tools" if os.path.isdir("../tools") else "romboot_host"  # in a wheel
    command = [sys.executable, "-m", tools + ".cli.device.frozen", name]
    done = subprocess.run(command, cwd="..", capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout.splitlines()


def _freeze(names, base):
    package("romboot", tuple(sorted(names)), base_path=base, opt=3)  # without line numbers


_families, _folder, _made = options.family, ".", set()
if options.chip:
    _families, _folder = _of_chip(options.chip)
    _made = _python(_folder + "/romboot")
_names = _python("romboot")
if _families:
    _names = set().union(*map(_of_family, _families.split()))
# A build has the inline assembler, or the same machine code as bytes. If it has, that code is in
# flash, so that nobody asks external.py whether it can run where it is.
_names.remove("jump_bytes.py" if options.asm else "jump.py")
if options.asm:
    _names.discard("external.py")
if options.small:
    _own = _python("small/romboot")
    _freeze(_own, "small")
    _names = {n for n in _names - _own if n not in _NOT_IN_SMALL and not n.endswith("_facts.py")}
_freeze(_names - _made, ".")
_freeze(_names & _made, _folder)
