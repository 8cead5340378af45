"""The commands for a virtual board, and what they run on it."""
