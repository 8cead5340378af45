"""The language of the tables: steps become the words that chip.py documents."""

from __future__ import annotations

import struct

import pytest

from tools.tables import cortex_m
from tools.tables.language import (
    Block,
    Script,
    change,
    columns,
    fill,
    pack,
    pulse,
    row,
    steps,
    wait,
    write,
)

A = Block("A", 0x40000000, CR=0x00, SR=0x04, DR=(0x10, 3), FAR=0x100)


def words(script: Script) -> list[int]:
    data = pack(steps(script))
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def test_a_register_has_its_name_and_its_address() -> None:
    assert (str(A.SR), A.SR.address) == ("A.SR", 0x40000004)
    assert (str(A.DR), str(A.DR2), A.DR2.address) == ("A.DR0", "A.DR2", 0x40000018)
    assert " ".join(map(str, A)) == "A.CR A.SR A.DR0 A.DR1 A.DR2 A.FAR"


def test_a_register_that_is_not_there_cannot_be_written() -> None:
    with pytest.raises(AttributeError, match="A has no register XY"):
        write(A.XY, 0)
    with pytest.raises(LookupError, match="A\\+1C"):
        fill(A.DR, 0, 4)  # nothing is written that has no name


def test_each_kind_of_step() -> None:
    assert words([write(A.SR, 5)]) == [0x40000004, 5]
    assert words([fill(A.DR, 7, 3)]) == [0x40000011, 7, 3]
    assert words([change(A.CR, clear=3, set=4)]) == [0x40000002, 3, 4]
    assert words([wait(A.CR, 3, 2, tries=9)]) == [0x40000003, 3, 2, 9]
    assert words([pulse(A.CR, 8)]) == [0x40000000, 8, 0x40000000, 0]
    values = columns("SR DR1 DR0 CR", A, "22 44 33 -")
    assert words([row(values)]) == [0x40000005, 0b11001, 0, 0x22, 0x33, 0x44]
    assert words([row(values, pulsed=True)])[1] == 1 << 31 | 0b11001


def test_what_can_never_be_is_refused() -> None:
    with pytest.raises(ValueError, match="never is"):
        wait(A.CR, 1, 2)
    with pytest.raises(ValueError, match="65 words"):
        row({A.CR: 0, A.FAR: 0})


def test_a_step_says_what_it_does() -> None:
    texts = {
        "A.SR = 00000005": write(A.SR, 5),
        "A.DR0 to A.DR2 = 00000007": fill(A.DR, 7, 3),
        "A.CR = A.CR & ~00000003 | 00000004": change(A.CR, clear=3, set=4),
        "wait until A.CR & 00000003 = 00000002": wait(A.CR, 3, 2),
        "A.CR = 00000001, A.SR = 00000002, each then 0": row({A.CR: 1, A.SR: 2}, pulsed=True),
    }
    assert [str(step) for step in texts.values()] == list(texts)


def test_steps_know_their_section() -> None:
    script = [write(A.CR, 0), "one", [write(A.CR, 1), "two", write(A.CR, 2)], write(A.CR, 3)]
    assert [step.section for step in steps(script)] == ["", "one", "two", "two"]


def test_a_script_without_a_line_or_a_register() -> None:
    """For tests that ask what each of them is good for."""
    lines = list(steps([write(A.CR, 1), row({A.CR: 1, A.DR1: 2, A.SR: 3}), write(A.SR, 2)]))
    assert words([lines[0], *lines[2:]]) == [0x40000000, 1, 0x40000004, 2]
    assert words([lines[1].without(A.SR)]) == [0x40000001, 0b100001, 0, 1, 2]
    alone = lines[1].without(A.CR).without(A.DR1)
    assert words([alone]) == [0x40000005, 1, 0, 3]
    assert words([alone.without(A.SR)]) == []
    with pytest.raises(ValueError, match="no row"):
        lines[0].without(A.CR)


def test_the_mpu_of_armv8_m_selects_regions_before_it_writes_them() -> None:
    """RBAR of ARMv7-M carries the number itself, that of ARMv8-M does not."""
    names = [str(step.registers[0]) for step in steps(cortex_m.mpu_off_v8(8))]
    four = ["MPU.RNR", "MPU.RBAR"]
    assert names == ["MPU.CTRL", *four, *four, "MPU.MAIR0"]
    rnr = [step.values[0] for step in steps(cortex_m.mpu_off_v8(8)) if "RNR" in str(step)]
    assert rnr == [4, 0]
