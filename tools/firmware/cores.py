"""Compiler flags and assembler files for each Cortex-M core."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CoreFlags:
    """How to build for a core.

    Attributes:
        header: CMSIS's, of lib/cmsis/inc; it is given the core's name and revision r0p0 or later.
        cpu: GCC's -mcpu.
        fpu: GCC's -mfpu where the chip has an FPU, and the bits of its floats in MicroPython.
        thumb: 1 for ARMv6-M, else 2: which helpers in assembler of MicroPython's tree.
        mpy: -march of mpy-cross, for native code in frozen modules.
        defines: what the CMSIS header needs from a chip's header.
        family: what MicroPython's sources are told that the common port is for; what they make of
            it is not in the images, so that all families with a core share their objects.
    """

    header: str
    cpu: str
    fpu: tuple[str, int] | None
    thumb: int
    mpy: str
    defines: tuple[str, ...]
    family: str


# As ports/stm32/stm32.mk of MicroPython. M7: the FPU of the STM32F76x, F77x and H7.
CORES = {
    "cortex-m0": CoreFlags(
        "core_cm0.h", "cortex-m0", None, 1, "armv6m", ("__CM0_REV",), "f0",
    ),
    "cortex-m0+": CoreFlags(
        "core_cm0plus.h", "cortex-m0plus", None, 1, "armv6m",
        ("__CM0PLUS_REV", "__VTOR_PRESENT"), "l0",
    ),
    "cortex-m3": CoreFlags(
        "core_cm3.h", "cortex-m3", None, 2, "armv7m", ("__CM3_REV", "__VTOR_PRESENT"), "l1",
    ),
    "cortex-m4": CoreFlags(
        "core_cm4.h", "cortex-m4", ("fpv4-sp-d16", 32), 2, "armv7em",
        ("__CM4_REV", "__VTOR_PRESENT"), "l4",
    ),
    "cortex-m7": CoreFlags(
        "core_cm7.h", "cortex-m7", ("fpv5-d16", 64), 2, "armv7em",
        ("__CM7_REV", "__VTOR_PRESENT", "__ICACHE_PRESENT", "__DCACHE_PRESENT", "__DTCM_PRESENT"),
        "h7",
    ),
    "cortex-m33": CoreFlags(
        "core_cm33.h", "cortex-m33", ("fpv5-sp-d16", 32), 2, "armv7em",
        ("__CM33_REV", "__VTOR_PRESENT", "__SAUREGION_PRESENT", "__DSP_PRESENT"), "h5",
    ),
}  # fmt: skip


def make_variables(core: CoreFlags, fpu: bool) -> dict[str, str]:
    """For the Makefile: flags of compiler and mpy-cross, and which files of MicroPython's tree."""
    cpu = f"-mthumb -mtune={core.cpu} -mcpu={core.cpu}"
    name, bits = core.fpu if core.fpu and fpu else ("", 32)
    double = bits == 64
    cpu += f" -mfpu={name} -mfloat-abi=hard -mfp16-format=ieee" if name else " -msoft-float"
    libm = "SRC_LIB_LIBM_DBL" if double else "SRC_LIB_LIBM"
    single = "-fsingle-precision-constant"
    return {
        "CPU": cpu,
        "CONFIG_CFLAGS": "-DMICROPY_FLOAT_IMPL=MICROPY_FLOAT_IMPL_DOUBLE" if double else single,
        "LIBM": f"{libm}_C",
        "LIBM_SQRT": f"{libm}_SQRT_{'HW' if name else 'SW'}_C",
        "RESET_HANDLER": "resethandler_m0" if core.thumb == 1 else "resethandler",
        "GCHELPER": f"gchelper_thumb{core.thumb}",
        "MPY_CROSS_FLAGS": f"-march={core.mpy}",
    }
