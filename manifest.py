# Freeze romboot into a MicroPython build: in your board's manifest.py write
#     include("path/to/romboot/manifest.py")
metadata(
    version="0.1.0",
    description="From a MicroPython prompt on an STM32 into its factory ROM bootloader",
)
package("romboot", base_path="lib")
