# Freeze romboot into a MicroPython build: in your board's manifest.py write
#     include("path/to/romboot/manifest.py", family="f4")
# with the family of your chip ("f4 h7" for two); without that all go in. Also:
#     chip="STM32F429ZI"   in place of family: without the tables of other dies, up to 2 KB less
#     asm=False    for a build without the inline assembler, which cannot hold jump.py
#     small=True   the small edition: enter_bootloader() alone, in less than 8 KB
options.defaults(asm=True, chip=None, family=None, small=False)
include(
    "lib/manifest.py",
    asm=options.asm,
    chip=options.chip,
    family=options.family,
    small=options.small,
)
