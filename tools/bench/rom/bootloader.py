"""The USART bootloader in system memory (AN3155 rev 20), command by command.

Where AN3155 is not clear, this is what is known of real ROMs:

- Only the *start* address of Read, Write and Go is checked. stm32loader reads the unique id
  (0x1FFF7A10, refused by itself) in a block that starts in the OTP area.
- Erasing or programming a write-protected sector changes nothing and is answered by ACK
  (notes in 3.6 to 3.8): a client finds out when it verifies.
- 3.6 both says that an invalid address is NACKed and that it is not; protocol 3.1 NACKs it
  (table 3).
- The ROM of an L0 has no mass erase, so stm32loader erases page by page.
- Readout Unprotect erases whether or not the chip was protected (3.12).
"""

from __future__ import annotations

from collections.abc import Callable

from .facts import RomFacts
from .flash import Flash
from .memory import RDP_LEVEL_0, BusFault, RomMemory, rdp_level
from .regions import Region, Regions
from .session import ACK, NACK, After, Busy, Driver, Nack, Script, take_checked, take_complemented

AUTOBAUD = b"\x7f"
RDP_LEVEL_1 = 0x55  # any value that is neither level 0 nor 2 would do
ALWAYS = frozenset(
    {0x00, 0x01, 0x02, 0x92}
)  # commands allowed under read protection (AN3155 table 2)
UNLESS_LEVEL_2 = 0x92
MASS_ERASE = {0xFFFF: None, 0xFFFE: 1, 0xFFFD: 2}  # AN3155 3.8: code -> bank


class Bootloader:
    """One run of the ROM: from its first instruction to Go, a system reset or a bus fault.

    Args:
        chip: the facts of its die.
        memory: raw access to the chip's memories and option bytes.
        send: takes the bytes for the host.
        go: called for Go, after its ACK, with the address of the new vector table. The caller
            puts the registers the ROM used back to reset (but for limitations that AN2606
            lists), loads MSP from word 0 and jumps to word 1 (AN3155 3.5).
        reset: called where the ROM resets the system. The caller decides which memory boots.
        after: schedules a call in virtual ns, as `Clock.after`; without it nothing takes time.
        say: takes one sentence for each command carried out or refused.
        first: called when the first byte has come: from then on the ROM serves no other interface.

    Attributes:
        listening: it has started and receives what the host sends.

    After `go` or `reset` this object does nothing more. If the chip is reset in another way, call
    `stop`.
    """

    def __init__(
        self,
        chip: RomFacts,
        memory: RomMemory,
        send: Callable[[bytes], None],
        go: Callable[[int], None],
        reset: Callable[[], None],
        *,
        after: After | None = None,
        say: Callable[[str], None] | None = None,
        first: Callable[[], None] | None = None,
    ) -> None:
        self.listening = False
        self._chip = chip
        self._memory = memory
        self._flash = Flash(chip, memory)
        self._regions = Regions(chip, memory, self._flash)
        self._send = send
        self._go = go
        self._reset = reset
        self._say = say or (lambda _sentence: None)
        self._first = first or (lambda: None)
        self._commands: dict[int, Callable[[], Script[None] | None]] = {
            0x00: self._get,
            0x01: self._get_version,
            0x02: self._get_id,
            0x11: self._read_memory,
            0x21: self._go_command,
            0x31: self._write_memory,
            0x44: self._extended_erase,
            0x63: self._write_protect,
            0x73: self._write_unprotect,
            0x82: self._readout_protect,
            0x92: self._readout_unprotect,
        }
        self._driver = Driver(self._session(), after)

    def receive(self, data: bytes) -> None:
        """Bytes from the host, in any chunking. Those that come while the ROM is busy with the
        flash are lost, but for the first: the USART holds one."""
        self._driver.receive(data)

    def stop(self) -> None:
        """The chip was reset: answer nothing more."""
        self._driver.stop()

    # --- the main loop -------------------------------------------------------------------------

    def _session(self) -> Script[None]:
        yield Busy(self._chip.startup_ns, kept=0)
        self.listening = True
        first = yield 1
        self._first()
        if first != AUTOBAUD:
            self._say(
                f"the first byte was 0x{first[0]:02X}, not 0x7F: the ROM took its length for the "
                "baud rate and understands nothing until a reset (AN2606, USART connection timing)"
            )
            return
        self._send(ACK)
        self._say("the host sent 0x7F: the ROM has measured the baud rate and listens")
        while True:
            try:
                yield from self._command()
            except Nack as why:
                self._say(f"NACK: {why}")
                self._send(NACK)
            except BusFault as fault:
                self._say(f"the ROM took a bus fault ({fault}) and is silent until a reset")
                return

    def _command(self) -> Script[None]:
        code = yield from take_complemented("command")
        if code not in self._commands:
            raise Nack(f"0x{code:02X} is no command of this bootloader")
        level = rdp_level(self._memory.options)
        if level and (code not in ALWAYS or (code == UNLESS_LEVEL_2 and level == 2)):
            raise Nack(f"read protection level {level} forbids command 0x{code:02X}")
        self._send(ACK)
        if script := self._commands[code]():
            yield from script

    # --- identification: 3.1 to 3.3 ------------------------------------------------------------

    def _get(self) -> None:
        answer = bytes([self._chip.protocol, *self._commands])
        self._send(bytes([len(answer) - 1]) + answer + ACK)

    def _get_version(self) -> None:
        self._send(bytes([self._chip.protocol, 0, 0]) + ACK)

    def _get_id(self) -> None:
        self._send(b"\x01" + self._chip.dev_id.to_bytes(2, "big") + ACK)

    # --- memory: 3.4 to 3.6 --------------------------------------------------------------------

    def _address(self, allowed: Callable[[int], bool], verb: str) -> Script[int]:
        address = int.from_bytes((yield from take_checked(4, "the address")), "big")
        if not allowed(address):
            raise Nack(f"0x{address:08X} is no address to {verb}")
        self._send(ACK)
        return address

    def _read_memory(self) -> Script[None]:
        address = yield from self._address(self._regions.readable, "read")
        length = (yield from take_complemented("length")) + 1
        self._send(ACK)
        self._send(self._regions.read(address, length))
        self._say(f"Read Memory: {length} bytes at 0x{address:08X}")

    def _go_command(self) -> Script[None]:
        address = yield from self._address(self._regions.startable, "start")
        self._say(f"Go to the vector table at 0x{address:08X}")
        self._driver.stop()
        self._go(address)

    def _write_memory(self) -> Script[None]:
        address = yield from self._address(self._regions.writable, "write")
        size = yield 1
        data = yield from take_checked(size[0] + 1, "the data", seen=size)
        region = self._regions.at(address)
        yield Busy(self._regions.write_ns(region, len(data)))
        if not self._regions.write(address, data):
            raise Nack(f"{len(data)} bytes cannot be written at 0x{address:08X}")
        self._say(f"Write Memory: {len(data)} bytes at 0x{address:08X}")
        self._send(ACK)
        if region is Region.OPTIONS:
            self._reset_system("the option bytes were written")

    # --- erase: 3.8 ----------------------------------------------------------------------------

    def _extended_erase(self) -> Script[None]:
        head = yield 2
        count = int.from_bytes(head, "big")
        if count >= 0xFFF0:
            yield from self._mass_erase(head, count)
        else:
            yield from self._erase_sectors(head, count + 1)
        self._send(ACK)

    def _mass_erase(self, head: bytes, code: int) -> Script[None]:
        yield from take_checked(0, "the erase code", seen=head)
        codes = MASS_ERASE if self._flash.sectors_of(2) else {0xFFFF: None}
        codes = codes if self._chip.timing.mass else {}
        if code not in codes:
            raise Nack(f"there is no mass erase 0x{code:04X} on this chip")
        bank = codes[code]
        what = "everything" if bank is None else f"bank {bank}"
        if self._flash.mass_erasable(bank):
            yield Busy(self._flash.mass_erase_ns())
            self._flash.erase(self._flash.sectors_of(bank))
            self._say(f"Extended Erase: {what}")
        else:
            self._say(f"Extended Erase: not {what}, a sector of it is write-protected; ACK anyway")

    def _erase_sectors(self, head: bytes, count: int) -> Script[None]:
        if count > len(self._chip.sectors):
            raise Nack(f"{count} sectors to erase, the chip has {len(self._chip.sectors)}")
        data = yield from take_checked(2 * count, "the sector list", seen=head)
        numbers = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
        if max(numbers) >= len(self._chip.sectors):
            raise Nack(f"there is no sector {max(numbers)}")
        yield Busy(self._flash.erase_ns(numbers))
        self._flash.erase(numbers)
        self._say(f"Extended Erase: sectors {_list(numbers)}")

    # --- protection: 3.9 to 3.12 ---------------------------------------------------------------

    def _write_protect(self) -> Script[None]:
        size = yield 1
        numbers = yield from take_checked(size[0] + 1, "the sector list", seen=size)
        self._flash.protect(numbers)
        self._send(ACK)
        self._reset_system(f"sectors {', '.join(map(str, numbers))} are write-protected")

    def _write_unprotect(self) -> None:
        self._flash.protect(())
        self._send(ACK)
        self._reset_system("no sector is write-protected any more")

    def _readout_protect(self) -> None:
        self._memory.options.rdp = RDP_LEVEL_1
        self._send(ACK)
        self._reset_system("the flash is read-protected, level 1")

    def _readout_unprotect(self) -> Script[None]:
        self._memory.clear_ram()  # since protocol 2.2 (AN3155 table 3)
        yield Busy(self._flash.mass_erase_ns())
        self._flash.regress()
        self._memory.options.rdp = RDP_LEVEL_0
        self._send(ACK)
        self._reset_system("read protection is off and the flash is erased")

    def _reset_system(self, why: str) -> None:
        self._say(f"{why}: the ROM resets the system")
        self._driver.stop()
        self._reset()


def _list(numbers: list[int]) -> str:
    """The numbers, shortened if there are many."""
    if len(numbers) <= 24:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]} to {numbers[-1]}, {len(numbers)} of them"
