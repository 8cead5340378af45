"""Text in fewer bytes, for what only info() and plan() say: a byte from FIRST on stands for two
others, which may be such bytes too (byte pair encoding). Texts are stored from their end. The
module facts.py of the library puts them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

FIRST = 0x80
MOST = 0x100 - FIRST
WORTH_IT = 3  # a pair takes two bytes of the list, and saves one wherever it stands
NONE = 0  # between texts, in none of them


def frequent(texts: Iterable[str]) -> list[bytes]:
    """The pairs that make these texts short. The first is what FIRST stands for."""
    data = bytes([NONE]).join(text.encode("ascii")[::-1] for text in texts)
    pairs: list[bytes] = []
    while len(pairs) < MOST:
        pair, count = _most_frequent(data)
        if count < WORTH_IT:
            break
        data = data.replace(pair, bytes([FIRST + len(pairs)]))
        pairs.append(pair)
    return pairs


def _most_frequent(data: bytes) -> tuple[bytes, int]:
    found = Counter(pairwise(data))
    counts = {
        # Of "    " there are two of a kind, not three.
        (a, b): data.count(bytes((a, b))) if a == b else count
        for (a, b), count in found.items()
        if NONE not in (a, b)
    }
    pair = min(counts, key=lambda each: (-counts[each], each), default=(NONE, NONE))
    return bytes(pair), counts.get(pair, 0)


def shortened(text: str, pairs: Iterable[bytes]) -> bytes:
    """This text, one of those that the pairs are from."""
    data = text.encode("ascii")[::-1]
    for number, pair in enumerate(pairs, FIRST):
        data = data.replace(pair, bytes([number]))
    return data
