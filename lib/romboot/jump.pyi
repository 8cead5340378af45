MPU_CTRL: int
LOOK: int
GO: int
COMPLETE: int
CONTROL: int

def code_address() -> int: ...
def helper(image: bytearray | int, task: int, /) -> int: ...
