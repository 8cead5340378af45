"""The USB bootloader in system memory: DfuSe, as AN3156 rev 18 describes it, request by request.

Where AN3156 is not clear, or says something else, this is what is known of real ROMs:

- After its start the ROM of some families is in dfuERROR with errFIRMWARE until the host clears
  that: so dfu-util finds those of F4 and L0 ("state = dfuERROR, status = 10").
- A command is carried out after the answer dfuDNBUSY. Until it is done the ROM polls the flash
  and answers nothing, so the next answer is late, and never a second dfuDNBUSY.
- The address of block n is (n - 2) * wTransferSize beyond the pointer, with wTransferSize from
  the descriptor. AN3156 4.1 says the length of the request, with which the last, shorter block
  of dfu-util's upload would come from elsewhere.
- That of an H7 is off the bus before it answers the GETSTATUS that makes it leave: dfu-util exits
  with 74, "Error during download get_status".
- CLRSTATUS in another state than dfuERROR leads there, with errUNKNOWN (betaflight-configurator,
  pull request 5348, on an STM32H743).
- The alternate setting tells the host what there is. Which memory a command means depends on the
  address alone.

The poll time in an answer is the typical time of the operation; AN3156 has no figures.
"""

from __future__ import annotations

from collections.abc import Callable

from .dfu_codes import Command, Request, State, Status
from .facts import RomFacts
from .flash import Flash
from .memory import RDP_LEVEL_0, BusFault, RomMemory, rdp_level
from .regions import Region, Regions
from .session import After

Done = Callable[[bytes | None], None]
"""Takes the answer of the device, b"" for a request without one, None for a stall."""

Work = tuple[int, int, Callable[[], None]]
"""The typical and the real time of a command in ns, and what it does when that has passed."""

MS = 1_000_000  # ns
FIRST_BLOCK = 2  # lower block numbers are commands (AN3156 3)
PARTING_NS = 1 * MS  # from the last answer until the ROM is off the bus; any short time
WRITABLE = (State.IDLE, State.DNLOAD_IDLE)
ABORTABLE = (*WRITABLE, State.UPLOAD_IDLE, State.DNLOAD_SYNC, State.MANIFEST_SYNC)


class DfuError(Exception):
    """The device enters dfuERROR. The message is for the user of the bench."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.status = status


class Dfu:
    """One run of the ROM's USB bootloader: class requests of one host, one after the other.

    Args:
        chip: the facts of its die, with `usb`.
        memory: raw access to the chip's memories and option bytes.
        leave: called with the address of a vector table when the host has asked for that and the
            ROM is off the bus (AN3156 5.5).
        reset: called where the ROM resets the system.
        after: schedules a call in virtual ns, as `Clock.after`; without it nothing takes time.
        say: takes one sentence for each command carried out or refused.

    Attributes:
        speed: virtual seconds to a second of the host, in whose time the poll time is told.
        slowness: erasing takes that many times as long as the poll time says.
    """

    def __init__(
        self,
        chip: RomFacts,
        memory: RomMemory,
        leave: Callable[[int], None],
        reset: Callable[[], None],
        *,
        after: After | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        assert chip.usb
        self.speed = 1.0
        self.slowness = 1.0
        self._chip = chip
        self._usb = chip.usb
        self._vanishes = not chip.usb.answers_leave
        self._memory = memory
        self._flash = Flash(chip, memory)
        self._regions = Regions(chip, memory, self._flash)
        self._leave = leave
        self._reset = reset
        self._after = after
        self._say = say or (lambda _sentence: None)
        self._over = False  # it answers nothing any more
        self._busy = False
        self._waiting: Callable[[], None] | None = None  # a request that came while it is busy
        self._requests: dict[int, Callable[[int, int, bytes], bytes]] = {
            Request.DNLOAD: self._download,
            Request.UPLOAD: self._upload,
            Request.GETSTATUS: self._get_status,
            Request.CLRSTATUS: self._clear_status,
            Request.GETSTATE: lambda _value, _length, _data: bytes([self.state]),
            Request.ABORT: self._abort,
        }
        self.bus_reset()

    def bus_reset(self) -> None:
        """The host resets the device."""
        self.state, self.status = State.IDLE, Status.OK
        if self._usb.starts_in_error:
            self.state, self.status = State.ERROR, Status.FIRMWARE
        self._pointer = self._chip.sectors[0].base
        self._pending: tuple[int, bytes] | None = None

    def stop(self) -> None:
        """The chip was reset, or another interface is in use: answer nothing more."""
        self._over = True

    def request(self, request: int, value: int, length: int, data: bytes, done: Done) -> None:
        """A class request (AN3156 table 3): wValue, wLength and the data that the host sends.

        `done` is called with the answer, now or when the ROM has finished what it is doing;
        never if it is off the bus by then.
        """
        if self._over:
            return
        if self.state is State.MANIFEST_SYNC and request == Request.GETSTATUS and self._vanishes:
            self.part()
            return
        if self._busy:
            self._waiting = lambda: self.request(request, value, length, data, done)
            return
        try:
            answer = self._answer(request, value, length, data)
        except BusFault as fault:
            self._say(f"the ROM took a bus fault ({fault}) and is silent until a reset")
            self.stop()
            return
        done(answer)

    def refuse(self) -> None:
        """Be in the state in which a stalled request leaves the device (DFU 1.1, A.1)."""
        self.state, self.status = State.ERROR, Status.STALLED

    def part(self) -> None:
        """Go off the bus and start the application (AN3156 5.5)."""
        if self._over:
            return
        self._say(f"Leave DFU mode, to the vector table at 0x{self._pointer:08X}")
        self.stop()
        if self._regions.startable(self._pointer):
            self._leave(self._pointer)
        else:  # AN3156 5.5, note
            self._reset_system("there is no code that could be started")

    def _answer(self, request: int, value: int, length: int, data: bytes) -> bytes | None:
        handler = self._requests.get(request)
        try:
            if handler is None:  # DETACH has no meaning in the ROM (AN3156 2)
                raise DfuError(Status.STALLED, f"DFU request {request} is none of the ROM's")
            return handler(value, length, data)
        except DfuError as error:
            self._fail(error)
            return None

    def _fail(self, error: DfuError) -> None:
        self._say(f"{error.status.name}: {error}")
        self.state, self.status = State.ERROR, error.status

    def _expect(self, states: tuple[State, ...], what: str) -> None:
        if self.state not in states:
            raise DfuError(Status.STALLED, f"{what} in the state {self.state.name}")

    # --- state and status ----------------------------------------------------------------------

    def _get_status(self, _value: int, _length: int, _data: bytes) -> bytes:
        """The answer; what it announces begins behind it."""
        if self.state is State.DNLOAD_SYNC and self._pending:
            typical, longest, finish = self._start(*self._pending)
            poll_ms = -int(-typical // (MS * self.speed))
        elif self.state is State.MANIFEST_SYNC:
            self.state, poll_ms = State.MANIFEST, 0
            longest, finish = PARTING_NS, self.part
        else:
            if self.state is State.DNLOAD_SYNC:
                self.state = State.DNLOAD_IDLE
            return self._status_with(0)
        answer = self._status_with(poll_ms)
        self._later(longest, finish)
        return answer

    def _status_with(self, poll_ms: int) -> bytes:
        return bytes([self.status]) + poll_ms.to_bytes(3, "little") + bytes([self.state, 0])

    def _clear_status(self, _value: int, _length: int, _data: bytes) -> bytes:
        if self.state is State.ERROR:
            self.state, self.status = State.IDLE, Status.OK
        else:
            self.state, self.status = State.ERROR, Status.UNKNOWN
        return b""

    def _abort(self, _value: int, _length: int, _data: bytes) -> bytes:
        self._expect(ABORTABLE, "ABORT")
        self.state, self.status, self._pending = State.IDLE, Status.OK, None
        return b""

    def _reset_system(self, why: str) -> None:
        self._say(f"{why}: the ROM resets the system")
        self.stop()
        self._reset()

    # --- upload: AN3156 4 ----------------------------------------------------------------------

    def _upload(self, block: int, length: int, _data: bytes) -> bytes:
        self._expect((State.IDLE, State.UPLOAD_IDLE), "UPLOAD")
        if block == 0:
            return bytes(Command)[:length]
        if block < FIRST_BLOCK:
            raise DfuError(Status.STALLED, f"block {block} is none that can be read")
        self._check_protection("read")
        address = self._address_of(block)
        if not self._regions.readable(address):
            raise DfuError(Status.TARGET, f"0x{address:08X} is no address to read")
        answer = self._regions.read(address, length)
        self.state = State.UPLOAD_IDLE
        self._say(f"Read Memory: {length} bytes at 0x{address:08X}")
        return answer

    def _address_of(self, block: int) -> int:
        return self._pointer + (block - FIRST_BLOCK) * self._usb.transfer

    def _check_protection(self, verb: str) -> None:
        if level := rdp_level(self._memory.options):
            raise DfuError(Status.VENDOR, f"read protection level {level} forbids to {verb}")

    # --- download: AN3156 5 --------------------------------------------------------------------

    def _download(self, block: int, length: int, data: bytes) -> bytes:
        self._expect(WRITABLE, "DNLOAD")
        if length > self._usb.transfer:
            raise DfuError(Status.STALLED, f"{length} bytes are more than wTransferSize")
        if not length:
            self.state = State.MANIFEST_SYNC
        else:
            self.state, self._pending = State.DNLOAD_SYNC, (block, data)
        return b""

    def _start(self, block: int, data: bytes) -> Work:
        """Begin what was downloaded."""
        self._pending = None
        self._busy = True
        self.state = State.DNBUSY
        try:
            typical, longest, finish = self._command(block, data)
        except DfuError as error:
            # The error shows in the next status: this one is dfuDNBUSY (AN3156, figures 7 to 9).
            typical, longest, finish = 0, 0, _failing(error)
        return typical, longest, lambda: self._finish(finish)

    def _finish(self, finish: Callable[[], None]) -> None:
        if self._over:
            return
        self._busy = False
        self.state = State.DNLOAD_SYNC
        try:
            finish()
        except DfuError as error:
            self._fail(error)
        except BusFault as fault:
            self._say(f"the ROM took a bus fault ({fault}) and is silent until a reset")
            self.stop()
        if self._waiting and not self._over:
            waiting, self._waiting = self._waiting, None
            waiting()

    def _later(self, ns: int, fn: Callable[[], None]) -> None:
        if self._after is None:
            fn()
        else:
            self._after(ns, fn)

    def _command(self, block: int, data: bytes) -> Work:
        """Raises DfuError."""
        if block >= FIRST_BLOCK:
            return self._write(self._address_of(block), data)
        if block:
            raise DfuError(Status.STALLED, f"block {block} is none that can be written")
        code, argument = data[0], int.from_bytes(data[1:], "little")
        match code, len(data):
            case Command.SET_ADDRESS, 5:
                return 0, 0, lambda: self._set_address(argument)
            case Command.ERASE, 5:
                return self._erase_sector(argument)
            case Command.ERASE, 1:
                return self._mass_erase()
            case Command.READ_UNPROTECT, 1:
                return self._read_unprotect()
            case _:
                raise DfuError(Status.VENDOR, f"{data.hex()} is no command of this bootloader")

    def _set_address(self, address: int) -> None:
        if not self._regions.readable(address):
            raise DfuError(Status.TARGET, f"0x{address:08X} is no address")
        self._pointer = address

    def _write(self, address: int, data: bytes) -> Work:
        self._check_protection("write")
        if not self._regions.writable(address):
            raise DfuError(Status.TARGET, f"0x{address:08X} is no address to write")
        region = self._regions.at(address)
        if region in (Region.FLASH, Region.OTP):  # the ROM programs whole words
            data += bytes([self._chip.erased]) * (-len(data) % 4)
        ns = self._regions.write_ns(region, len(data))
        return ns, ns, lambda: self._written(region, address, data)

    def _written(self, region: Region | None, address: int, data: bytes) -> None:
        if not self._regions.write(address, data):
            raise DfuError(Status.WRITE, f"{len(data)} bytes cannot be written at 0x{address:08X}")
        self._say(f"Write Memory: {len(data)} bytes at 0x{address:08X}")
        if region is Region.OPTIONS:
            self._reset_system("the option bytes were written")

    # --- erase: AN3156 5.3, 5.4 ----------------------------------------------------------------

    def _erase_sector(self, address: int) -> Work:
        self._check_protection("erase")
        number = self._chip.sector_at(address)
        if number is None:
            raise DfuError(Status.TARGET, f"0x{address:08X} is no address to erase")

        def erase() -> None:
            self._flash.erase([number])
            self._say(f"Erase: the sector at 0x{self._chip.sectors[number].base:08X}")

        return self._erasing(self._flash.erase_ns([number]), erase)

    def _mass_erase(self) -> Work:
        """A write-protected sector keeps the hardware from it, and that is no error."""
        self._check_protection("erase")
        if not self._chip.timing.mass:
            raise DfuError(Status.TARGET, "this ROM has no mass erase")
        if not self._flash.mass_erasable(None):
            return 0, 0, lambda: self._say("Mass erase: not done, a sector is write-protected")

        def erase() -> None:
            self._flash.erase(self._flash.sectors_of(None))
            self._say("Mass erase")

        return self._erasing(self._flash.mass_erase_ns(), erase)

    def _erasing(self, typical: int, erase: Callable[[], None]) -> Work:
        return typical, round(typical * self.slowness), erase

    def _read_unprotect(self) -> Work:
        """The flash is erased only if it was protected (AN3156 3)."""
        protected = rdp_level(self._memory.options)
        ns = self._flash.mass_erase_ns() if protected else 0

        def unprotect() -> None:
            self._memory.clear_ram()
            if protected:
                self._flash.regress()
                self._memory.options.rdp = RDP_LEVEL_0
            self._reset_system("read protection is off")

        return ns, ns, unprotect


def _failing(error: DfuError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
