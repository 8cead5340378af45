"""romboot flash, leave, read and boards: firmware from a file into a board, and the way back.

`Job` finds the board, asks it, and sends it into its ROM for the other commands too. From the
bottom up; no module imports one of a later line:

    where.py                    where the board is after an error, and what to type next
    image.py, geometry.py       what is in a file; the sectors of each die
    plan.py                     which sectors a file needs
    rom.py                      what a ROM has to be able to do
    whole.py                    whether there is firmware that could be started
    asked.py, suits.py          what a board says of itself; whether the file is for it
    uart.py, dfu_util.py, usb.py   a ROM at a serial port, and one on USB
    places.py                   where boards are
    way.py, back.py             into the ROM, and back to the prompt
    job.py                      what the commands have in common
    command.py, beside.py       flash; leave, read, boards
"""
