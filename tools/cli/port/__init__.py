"""The serial ports of boards, and the prompt at one: `ports`, `places`, then `prompt`."""
