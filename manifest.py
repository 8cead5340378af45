# Freeze romboot into a MicroPython build: in your board's manifest.py write
#     include("path/to/romboot/manifest.py")
# A build without the inline assembler cannot hold jump.py; jump_bytes.py does the same there:
#     include("path/to/romboot/manifest.py", asm=False)
options.defaults(asm=True)
include("lib/manifest.py", asm=options.asm)
