# The files of the library, for a firmware to freeze: see manifest.py of the repository.
import os

options.defaults(asm=True, family=None, report=True)
metadata(
    version="0.1.0",
    description="From a MicroPython prompt on an STM32 into its factory ROM bootloader",
)
_families = ["stm32" + name for name in (options.family or "").split()]


def _wanted(name):
    owner = name[: -len(".py")].split("_")[0]
    return (
        name.endswith(".py")
        # A build has the inline assembler, or the same machine code as bytes.
        and name != ("jump_bytes.py" if options.asm else "jump.py")
        and not (options.family and owner.startswith("stm32") and owner not in _families)
        and (options.report or not name.endswith(("dryrun.py", "facts.py")))
    )


# opt=3: without line numbers
package("romboot", tuple(filter(_wanted, sorted(os.listdir("romboot")))), base_path=".", opt=3)
