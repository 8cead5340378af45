"""romboot script: one file that enters the ROM of one chip, for `mpremote run`.

It has the image and the machine code of that chip, and decides on the board what only the board
can tell: whether it is that chip, what its ROM, its option bytes and a few registers say. It does
so in the order of the library, with its sentences.
"""

from __future__ import annotations

import argparse
import difflib
import re
import struct
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

