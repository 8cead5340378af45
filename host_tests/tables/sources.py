"""Who says what about a die: each source answers with the facts it knows, by their names.

See facts.py. A source reads public data (oracles/), the chip files of the bench, or the project's
collection of chip facts; none of them sees a table of the library.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from stm32loader.bootloader import CHIP_IDS, Stm32Bootloader

from host_tests.conftest import REFERENCE
from host_tests.tables.facts import ROLES, Fact, Kind, Masked, Said, facts, roles
from host_tests.tables.oracles import ROWS, Oracles
from host_tests.tables.oracles.svd import Register, Svd
from tools.bench import chip as bench
from tools.bench.blocks.registers import Register as BenchRegister
from tools.tables import FAMILIES
from tools.tables.family import Die, Family

Answers = Iterator[tuple[str, Said]]
Source = Callable[[Oracles, Family, Die], Answers]

NAMES = {alias: name for name, others in ROWS["peripherals"].items() for alias in others}
UNLISTED = set(ROWS["unlisted"]["drivers"])
# Set by the hardware: ready flags, causes of a reset, calibration, what runs.
STATUS = re.compile(r"(RDY|RDYF|RDYFG|RSTF|CAL|SWS\d?|DIVF|VOSF|BSY)$")
RSTR = re.compile(r"RSTR\d?$")
ENR = re.compile(r"ENR\d?$")
SLEEP = re.compile(r"(LPENR|SMENR?)\d?$")
OTG = {"OTGFS": "OTG_FS", "OTGHS": "OTG_HS", "USB1OTG": "OTG_HS", "USB2OTG": "OTG_FS"}


def stem(name: str) -> str:
    """One name for a peripheral, whoever speaks: usart2, UART2, USART2."""
    name = name.lower()
    name = NAMES.get(name, name)
    return "u" + name[2:] if name.startswith("usart") else name


# ST's SVD files


def st(oracles: Oracles, family: Family, die: Die) -> Answers:
    """Of the die; of any of the family where USARTs are, and registers if the die has no file."""
    svds = oracles.svds(die.dev_id) + oracles.carried(die.dev_id)
    yield from _svd_addresses(svds or _of_family(oracles, family))
    whole = die.dev_id not in ROWS["part_of_a_file"]["dies"]
    if whole:
        yield from _svd_resets(svds)
    yield from _svd_values(svds, whole)
    others = (svd for each in family.dies for svd in oracles.carried(each.dev_id))
    yield from _svd_consoles([*_of_family(oracles, family), *others])


def _of_family(oracles: Oracles, family: Family) -> list[Svd]:
    return oracles.family_svds(family.name[: len("STM32F4")])


def _merged(answers: Iterable[tuple[str, Said]]) -> Answers:
    """One of what several files say."""
    found: dict[str, set[Any]] = {}
    for name, said in answers:
        found.setdefault(name, set()).add(said)
    for name, said in found.items():
        yield name, (said.pop() if len(said) == 1 else frozenset(said))


def _svd_addresses(svds: list[Svd]) -> Answers:
    found: dict[int, set[str]] = {}
    for svd in svds:
        for register in svd.registers:
            name = f"{register.block.upper()}.{register.name}"
            found.setdefault(register.address, set()).update((name, *_manual(name)))
        if "DBGMCU" in svd.bases or "DBG" in svd.bases:
            yield "address of IDCODE", svd.bases.get("DBGMCU", svd.bases.get("DBG", 0))
    for address, names in found.items():
        yield f"address {address:08X}", frozenset(names)


@cache
def _manual(name: str) -> tuple[str, ...]:
    """The manual's names of a register that has another one, or whose block has."""
    block, _, register = name.partition(".")
    blocks = [known for known, others in ROWS["blocks"].items() if block in others]
    return tuple(f"{known}.{register}" for known in blocks) + tuple(
        known
        for known, others in ROWS["registers"].items()
        if register in others and known.startswith(f"{block}.")
    )


def _svd_resets(svds: list[Svd]) -> Answers:
    """A bit that a file has is there; one that a file has not may belong to another part."""
    for svd in svds:
        for register in svd.registers:
            if register.block == "RCC" and RSTR.search(register.name):
                for bit in range(32):
                    if register.mask >> bit & 1:
                        yield f"RCC.{register.name} bit {bit}", 1


def _svd_values(svds: list[Svd], whole: bool) -> Answers:
    """Of the bits that each file describes. Several files of a die: of the bits that any has.
    whole: which clocks are on in sleep, too, which are all that the die has."""
    said: dict[str, list[Register]] = {}
    for register in (each for svd in svds for each in svd.registers):
        if whole or not SLEEP.search(register.name):
            name = f"{register.block.upper()}.{register.name}"
            for each in (name, *_manual(name)):
                said.setdefault(each, []).append(register)
    for name, registers in said.items():
        mask = value = 0
        for register in registers:
            status = sum(m for field, m in register.fields.items() if STATUS.search(field))
            mask |= register.mask & ~status
            value |= register.reset & register.mask & ~status
        yield name, Masked(value, mask)


def _svd_consoles(svds: list[Svd]) -> Answers:
    def found() -> Answers:
        for svd in svds:
            for name, base in svd.bases.items():
                yield {"IWDG1": "IWDG"}.get(name, name), base
            for register in svd.registers:
                if register.block == "RCC" and ENR.search(register.name):
                    for field, mask in register.fields.items():
                        yield _clock(field, register.name, mask.bit_length() - 1)

    return _merged(found())


def _clock(field: str, register: str, bit: int) -> tuple[str, Said]:
    name = re.sub(r"EN$", "", field)
    name = OTG.get(name, name)
    return f"clock of {name}", f"RCC.{register} bit {bit}"


# Which reset bit is that of which peripheral, after the SVD files and the bench, and which
# peripherals a die has, after modm-devices

Place = tuple[str, int]


@cache
def _placed(oracles: Oracles, name: str) -> dict[Place, set[str]]:
    """(register of RCC, bit) -> the peripherals that most descriptions of a family put there."""
    votes: dict[str, Counter[Place]] = {}
    for register in _reset_registers(oracles, name):
        for field, mask in register.fields.items():
            peripheral = stem(
                re.sub(r"(RST|RSTR)$", "", re.sub(r"^IOP(.)RST", r"GPIO\1RST", field))
            )
            votes.setdefault(peripheral, Counter())[register.name, mask.bit_length() - 1] += 1
    kin = [each for each in FAMILIES if each.module.startswith(name[: len("stm32f4")])]
    for chip in (chip for each in kin for chip in _chips(each.module)):
        for peripheral in chip.peripherals:
            if reset := peripheral.reset:
                votes.setdefault(stem(peripheral.name), Counter())[reset.register, reset.bit] += 1
    placed: dict[Place, set[str]] = {}
    for peripheral, counter in votes.items():
        placed.setdefault(counter.most_common(1)[0][0], set()).add(peripheral)
    return placed


def _reset_registers(oracles: Oracles, name: str) -> Iterator[Register]:
    from tools.tables import family

    for svd in _of_family(oracles, family(name)):
        for register in svd.registers:
            if register.block == "RCC" and RSTR.search(register.name):
                yield register


def modm(oracles: Oracles, family: Family, die: Die) -> Answers:
    """modm-devices, from STM32CubeMX's database."""
    found = oracles.dies.get(die.dev_id)
    if not found:
        return
    letters = "STM32" + found.family.upper()
    yield f"DEV_ID {die}", "/".join(f"{letters}{name.upper()}" for name in sorted(found.names))
    names = {name.upper() for name in found.names}
    sized = {f"{name}x{size.upper()}" for name in names for size in found.sizes}
    yield "parts", frozenset("/".join(sorted(each)) for each in (names, sized))
    core = found.core.split("f")[0].replace("cortex-m", "Cortex-M").replace("plus", "+")
    yield "core", core.removesuffix("d")
    yield "flash", min(start for start in found.memories if start >= 0x08000000)
    for start in found.memories:
        yield f"RAM at {start:08X}", modm_size(found.memories, start)
    for pin, user, signal in found.signals:
        user = re.sub(r"^usb\w*", "usb", user)
        user = {"can": "can1"}.get(user, user)
        yield f"{user.upper()} {signal} {pin}", 1
    mine = {stem(each) for each in found.peripherals}
    known = {stem(p) for each in oracles.dies.values() for p in each.peripherals}
    for (register, bit), names in _placed(oracles, family.module).items():
        if names & mine:
            yield f"RCC.{register} bit {bit}", 1
        elif names <= known - UNLISTED:
            yield f"RCC.{register} bit {bit}", 0


def modm_size(memories: dict[int, int], start: int) -> int:
    """Bytes from there on without a gap."""
    end = start
    while end in memories:
        end += memories[end]
    return end - start


# Host tools


def stm32flash(oracles: Oracles, family: Family, die: Die) -> Answers:
    """The table of stm32flash, made from AN2606."""
    yield from _table(oracles.stm32flash, family, die)


def stlink(oracles: Oracles, family: Family, die: Die) -> Answers:
    """The chip files of stlink."""
    yield from _table(oracles.stlink, family, die)
    if found := oracles.stlink.get(die.dev_id):
        yield "address of the flash size", found.flash_size


class _Device(Protocol):
    """What stm32flash and stlink have in common."""

    @property
    def name(self) -> str: ...
    @property
    def ram(self) -> int: ...
    @property
    def rom(self) -> tuple[int, int]: ...


def _table(devices: Mapping[int, _Device], family: Family, die: Die) -> Answers:
    """The table of the library has the last end of a family's ROMs."""
    if found := devices.get(die.dev_id):
        yield f"DEV_ID {die}", found.name
        yield "RAM at 20000000", found.ram
        yield "ROM: vector table", found.rom[0]
        known = (devices.get(each.dev_id) for each in family.dies)
        yield "ROM: end", max(each.rom[1] for each in known if each)


def openocd(oracles: Oracles, family: Family, die: Die) -> Answers:
    """The flash drivers of OpenOCD."""
    if found := oracles.openocd.get(die.dev_id):
        yield f"DEV_ID {die}", found.name
        yield "address of IDCODE", found.idcodes
        for address, names in found.flash.items():
            yield f"address {address:08X}", names
        yield "address of the flash size", found.flash_size


def stm32loader(oracles: Oracles, family: Family, die: Die) -> Answers:
    """The tables of stm32loader: a name for each DEV_ID, addresses for each family."""
    if name := CHIP_IDS.get(die.dev_id):
        yield f"DEV_ID {die}", name
        short = family.name[5:7]
        for fact, table in (
            ("address of the flash size", Stm32Bootloader.FLASH_SIZE_ADDRESS),
            ("address of the unique ID", Stm32Bootloader.UID_ADDRESS),
        ):
            if address := table.get(short):
                yield fact, address


def libopencm3(oracles: Oracles, family: Family, die: Die) -> Answers:
    """libopencm3: where a family has its unique ID and its flash size."""
    if found := oracles.libopencm3(family.name):
        yield "address of the unique ID", found[0]
        yield "address of the flash size", found[1]


def qiling(oracles: Oracles, family: Family, die: Die) -> Answers:
    """ST's CMSIS headers of the F4, as qiling has them."""
    if family.name != "STM32F4":
        return
    for layout in oracles.rcc_layouts(die.dev_id):
        for name, offset in layout.items():
            yield f"address {0x40023800 + offset:08X}", f"RCC.{name}"
    for part in oracles.part_names(die.dev_id):
        start, size = oracles.system_memory[part]
        yield "ROM: vector table", start
        yield "ROM: end", start + size
        for name, base in oracles.bases[part].items():
            yield name, base


def linux(oracles: Oracles, family: Family, die: Die) -> Answers:
    """Linux's device trees, their headers of RCC bits, and a clock driver."""
    tree = oracles.linux(die.dev_id)
    if not tree:
        return
    for label, base in tree.bases.items():
        name = label.upper()
        yield from ((each, base) for each in (name, name.replace("USART", "UART")))
    for register, bit in tree.resets.values():
        yield f"RCC.{register} bit {bit}", 1
    for name, (register, bit) in tree.clocks.items():
        for each in {name, name.replace("USART", "UART")}:
            yield _clock(each, register, bit)
    for name, offset in tree.rcc.items():
        names = frozenset((f"RCC.{name}", *_manual(f"RCC.{name}")))
        yield f"address {tree.bases['rcc'] + offset:08X}", names


# The bench's chip files, which were written from other sources than the library's tables


@cache
def _chips(name: str) -> list[bench.Chip]:
    """Those of a family."""
    from tools.tables import family

    dev_ids = {die.dev_id for die in family(name).dies}
    return [chip for chip in map(bench.load, bench.names()) if chip.dev_id in dev_ids]


def chips(oracles: Oracles, family: Family, die: Die) -> Answers:
    """The bench: chips/*.toml, each of one part; where USARTs are says any of the family."""
    found = _chips(family.module)
    own = [chip for chip in found if chip.dev_id == die.dev_id]
    yield from _merged(answer for chip in own for answer in _chip(chip, family, die))
    if own:  # the table of the library has the last end of a family's ROMs
        yield "ROM: end", max(chip.region("SYSTEM").end for chip in found)
    yield from _merged(answer for chip in found for answer in _bench_consoles(chip))


def _bench_consoles(chip: bench.Chip) -> Answers:
    for peripheral in chip.peripherals:
        yield re.sub(r"^IWDG1$", "IWDG", peripheral.name), peripheral.base
        if enable := peripheral.enable:
            name = re.sub(r"^USB_OTG", "OTG", peripheral.name)
            yield f"clock of {name}", f"RCC.{enable.register} bit {enable.bit}"


def _chip(chip: bench.Chip, family: Family, die: Die) -> Answers:
    yield f"DEV_ID {die}", chip.name
    yield "core", chip.core["model"].capitalize().replace("-m", "-M")
    yield "address of the flash size", chip.factory["flash_kib"]
    yield "address of the unique ID", chip.factory["uid"]
    yield "flash", chip.region("FLASH").base
    rams = {r.base: r.size for r in chip.memory if r.kind in ("sram", "tcm")}
    for start in rams:
        yield f"RAM at {start:08X}", modm_size(rams, start)
    yield "ROM: vector table", chip.rom["vector_table"]
    yield "ROM: bootloader ID", chip.rom["id_address"]
    for usart in chip.rom["usarts"]:
        for role in roles(usart["usart"], f"{usart['tx']}/{usart['rx']}"):
            yield role, 1
    for peripheral in chip.peripherals:
        if peripheral.name == "DBGMCU":
            yield "address of IDCODE", peripheral.base
        for register in peripheral.registers:
            name = f"{peripheral.name}.{register.name}"
            for each in (name, *_manual(name)):
                yield f"address {peripheral.base + register.offset:08X}", each
                if known := _known(chip, name, register):
                    yield each, Masked(register.reset & known, known)
    for register in chip.peripheral("RCC").registers:
        if RSTR.search(register.name):
            for bit in range(32):
                if register.mask >> bit & 1:
                    yield f"RCC.{register.name} bit {bit}", 1


def _known(chip: bench.Chip, name: str, register: BenchRegister) -> int:
    """The bits that the part has, that the bench is sure of, and that are no ready flags."""
    kept = chip.kept.get(name)
    block, _, short = name.partition(".")
    ready = (bits[2] for bits in chip.rcc["oscillators"].values() if bits[0] == short)
    status = sum(1 << bit for bit in set(ready)) if block == "RCC" else 0
    known = register.mask & register.compared & ~register.read_only & ~status
    return known & ~(kept.bits if kept else 0)


# The project's collection of chip facts, which not every checkout has


@cache
def collected_chips() -> dict[int, list[dict[str, Any]]]:
    """By DEV_ID."""
    found: dict[int, list[dict[str, Any]]] = {}
    for path in sorted((REFERENCE / "chips").glob("*.json")):
        chip = json.loads(path.read_text())
        found.setdefault(_number(chip["dev_id"]), []).append(chip)
    return found


def _number(fact: dict[str, Any]) -> int:
    return int(fact["value"], 16)


def collection(oracles: Oracles, family: Family, die: Die) -> Answers:
    """Masks of ST's headers, embassy's peripherals, reset values that were compared."""
    return _merged(
        answer
        for chip in collected_chips().get(die.dev_id, ())
        for answer in (*_collected_chip(chip), *_collected_registers(chip, checked=True))
    )


def collected_svd(oracles: Oracles, family: Family, die: Die) -> Answers:
    """What the collection has from SVD files that no package has, and nobody has compared."""
    return _merged(
        answer
        for chip in collected_chips().get(die.dev_id, ())
        for answer in _collected_registers(chip, checked=False)
        if not answer[0].startswith("address") and " bit " not in answer[0]
    )


def _collected_chip(chip: dict[str, Any]) -> Answers:
    for fact, key in (
        ("address of IDCODE", "idcode_addr"),
        ("address of the flash size", "flashsize_addr"),
        ("address of the unique ID", "uid_addr"),
    ):
        if chip.get(key):
            yield fact, int(chip[key], 16)
    memory = {int(m["base"], 16): m["size"] for m in chip["memory"] if m["size"]}
    for start in memory:
        yield f"RAM at {start:08X}", modm_size(memory, start)
    rom = chip["rom"]
    for fact, key in (("ROM: vector table", "vector_table"), ("ROM: bootloader ID", "id_addr")):
        if rom and rom.get(key) and rom[key]["value"]:
            yield fact, _number(rom[key])
    for item in (rom or {}).get("interfaces") or ():
        name = item["instance"] or item["kind"]
        for signal in {signal for signals in ROLES.values() for signal in signals} & item.keys():
            yield f"{re.sub(r'^DFU', 'USB', name)} {signal} {item[signal]}", 1
    for item in chip["peripherals"]:
        name = re.sub(r"^IWDG1$", "IWDG", item["name"]).replace("USB_OTG", "OTG")
        yield name, int(item["base"], 16)
        if enable := item["enable"]:
            yield f"clock of {name}", f"RCC.{enable['reg']} bit {enable['bit']}"


def _collected_registers(chip: dict[str, Any], checked: bool) -> Answers:
    """checked: values that others confirm, or that were mended; or the others."""
    for block, table in chip["registers"].items():
        for short, register in table["regs"].items():
            address = int(table["base"], 16) + int(register["offset"], 16)
            for name in (f"{block}.{short}", *_manual(f"{block}.{short}")):
                yield f"address {address:08X}", name
                mask = int(register.get("mask") or "0", 16)
                if block == "RCC" and RSTR.search(short):
                    yield from ((f"{name} bit {n}", 1) for n in range(32) if mask >> n & 1)
                unknown = int(register.get("mask_unknown") or "0", 16)
                unknown |= int(register.get("mask_reset_cause") or "0", 16)
                sure = bool(register.get("checked") or register.get("evidence"))
                if sure == checked and register["reset"] and mask & ~unknown:
                    yield name, Masked(int(register["reset"], 16), mask & ~unknown)


@cache
def collected_masks(dev_id: int) -> dict[str, int]:
    """Register, "RCC.CR" -> the bits that any header of the die's parts implements."""
    found: dict[str, int] = {}
    for chip in collected_chips().get(dev_id, ()):
        for block, table in chip["registers"].items():
            for short, register in table["regs"].items():
                name = f"{block}.{short}"
                found[name] = found.get(name, 0) | int(register.get("mask") or "0", 16)
    return found


SOURCES: dict[str, Source] = {
    "SVD": st,
    "modm-devices": modm,
    "stm32flash": stm32flash,
    "stlink": stlink,
    "OpenOCD": openocd,
    "stm32loader": stm32loader,
    "libopencm3": libopencm3,
    "qiling": qiling,
    "Linux": linux,
    "bench": chips,
}
"""What every checkout has."""
AN2606 = ("bench", "collection")
"""Those that know every pin on which a ROM listens."""
PIN = re.compile(r"^[A-Z0-9]+ (\w+) P[A-K]\d+$")
COLLECTED: dict[str, Source] = {"collection": collection, "collected SVD": collected_svd}
EVERY = SOURCES | (COLLECTED if (REFERENCE / "roms.json").exists() else {})
"""With the collection of chip facts, where it is."""


def answered(
    oracles: Oracles, family: Family, die: Die, sources: dict[str, Source]
) -> dict[str, Fact]:
    """The facts of a die that are in the table, or that a source knows better, with answers."""
    found = facts(family, die)
    for name, source in sources.items():
        for fact, said in source(oracles, family, die):
            if fact not in found and name in AN2606 and PIN.search(fact):
                found[fact] = Fact(Kind.ROM, fact, 0)
            if fact in found:
                found[fact].said[name] = said
    return {
        key: fact
        for key, fact in found.items()
        if fact.value != 0 or fact.others or fact.kind is not Kind.RESET
    }
