"""romboot flash, leave, read and boards: firmware from a file into a board, and the way back.

From the bottom up; no module imports one of a later line:

    codes.py                    exit codes, and the error that carries one
    image.py, geometry.py       what is in a file; the sectors of each die
    plan.py, suits.py           which sectors a file needs; whether it is for this board
    report.py                   one line for each state, or JSON; progress bars
    asked.py                    what a board at its prompt says of itself
    uart.py                     a ROM that erases, writes, reads and leaves
    places.py                   where boards and ROMs are
    way.py, back.py             into the ROM, and back to the prompt
    command.py, beside.py       flash; leave, read, boards
"""
