#!/bin/sh
# Installs the Debian or Ubuntu packages that romboot's bench needs, with the argument `usb` those
# of `romboot bench --usb` too, and with `test` those of all its tests, if any is missing.
# Exit codes: 0 all there, 1 something is missing and could not be installed.
set -eu

missing=""
need() { # need PACKAGE TEST...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

need python3-venv python3 -c 'import ensurepip, venv'
need gcc-arm-none-eabi arm-none-eabi-gcc --version
need libnewlib-arm-none-eabi test -e "$(arm-none-eabi-gcc -print-file-name=libm.a 2>/dev/null)"
case "${1:-}" in
usb | test)
    need umockdev python3 -c 'import ctypes; ctypes.CDLL("libumockdev-preload.so.0")'
    need dfu-util sh -c 'command -v dfu-util'
    ;;
esac
if [ "${1:-}" = test ]; then
    need stm32flash sh -c 'command -v stm32flash'
    need qemu-system-arm sh -c 'command -v qemu-system-arm'
    need binutils-arm-none-eabi sh -c 'command -v arm-none-eabi-as && command -v arm-none-eabi-objdump'
fi

[ -n "$missing" ] || exit 0

echo "romboot needs these packages:$missing"
if ! command -v apt-get >/dev/null; then
    echo "There is no apt-get here. Install their equivalents, then run make again." >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
    sudo="sudo"
    command -v sudo >/dev/null || {
        echo "Only root can install them: run 'apt-get install$missing' as root, then make again." >&2
        exit 1
    }
fi
if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing; }; then
    echo "apt-get could not install$missing: see its message above, then run make again." >&2
    exit 1
fi
