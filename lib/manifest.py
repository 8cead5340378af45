# The files of the library, for a firmware to freeze: see manifest.py of the repository.
metadata(
    version="0.1.0",
    description="From a MicroPython prompt on an STM32 into its factory ROM bootloader",
)
options.defaults(asm=True)
FILES = (
    "__init__.py cache.py checks.py chip.py dryrun.py entry.py errors.py external.py facts.py "
    "jump_bytes.py reset.py script.py stm32f4.py stm32f4_facts.py"
)
package(
    "romboot",
    tuple(FILES.split()) + (("jump.py",) if options.asm else ()),
    base_path=".",
)
