"""What each family has in common (<family>.toml) and the rules it has alone (<family>.py)."""
