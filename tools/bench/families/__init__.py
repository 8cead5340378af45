"""The facts that the dies of a family share (<family>.toml), and its own rules (<family>.py)."""
