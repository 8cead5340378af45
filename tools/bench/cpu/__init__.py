"""The parts of the virtual CPU; `tools.bench.core` puts them together."""
