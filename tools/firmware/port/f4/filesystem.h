// SPDX-License-Identifier: MIT
#ifndef PORT_FILESYSTEM_H
#define PORT_FILESYSTEM_H

// Mounts the internal flash at / (formats it first if it has no file system) and adds /lib to
// sys.path.  The block device is MicroPython's own storage.c on flashbdev.c of this port.
void filesystem_mount(void);

#endif // PORT_FILESYSTEM_H
