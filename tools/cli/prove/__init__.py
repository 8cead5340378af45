"""romboot prove: what can be run on a real board without writing to its flash, and a report of it.

From the bottom up; no module imports one of a later line:

    form.py       the report as a file: what may be in it, and what must not
    evidence.py   whether the board is a virtual one
    command.py    the rounds: into the ROM, and back to the prompt
"""
