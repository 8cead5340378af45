"""A fuzz of application states: whatever the application was doing, the ROM finds a reset chip.

Each state is drawn from (board, seed, number) alone: a clock tree, peripherals in the middle of
their work, interrupts, handlers under way, masks, an MPU, stacks. It is set up on a fresh virtual
board the way an application does it: by bus writes and by exceptions that the CPU takes. Then
`jump.helper()` is called there, the machine code and the script of the real firmware, and one of
these must come of it:

- the ROM finds every register as after a reset, and no exception is taken after it has started;
- `helper` refuses because there is no room below the main stack, and has written nothing;
- a watchdog that the application had started bites first: an erase can take seconds, and a crystal
  that fails can leave a clock of some hundred Hz.

One state in five is tried by via="reset" too: there the first is what must come of it, or, where
the heap is in external memory, which a reset takes away, a refusal that has written nothing.

    python -m tools.fuzz NUCLEO_F429ZI --states 10000

| module | |
|---|---|
| `subject.py` | what is tried: the image and the code, taken from a booted firmware |
| `layout.py` | where stacks, code and image are |
| `application.py` | the program that the state is set up in: vectors, handlers, bus writes |
| `action.py` | one thing that an application does to the chip; those of the next three rows: |
| `clocks.py`, `peripherals.py`, `interrupts.py` | clock trees; registers, timers; exceptions |
| `protection.py`, `protection_v8.py` | the MPU and, of ARMv8-M, stack limits |
| `system.py` | DMA, flash, SYSCFG, EXTI, watchdogs, caches |
| `facts.py` | what the bench's chip files say of all that |
| `family.py`, `families/` | what only a family knows: legal clock trees, its flash |
| `states.py` | draws a state and puts it into words |
| `run.py` | sets a state up, calls `helper`, judges |
| `by_reset.py` | the same through a reset, with the library's own `reset.py` |
| `stuck.py` | waits that never end |
| `directed.py` | states that are not left to chance |
| `mutation.py` | is each line of the script missed when it is left out? |
| `witness.py` | a call that does not go has written nothing |
"""
