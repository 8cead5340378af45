"""The library, run on this machine for a board that holds none: `calls`. docs/architecture.md
explains it. The others are below that: what the library runs in, and what is sent to the board."""
