"""What the commands for a board have in common: `job`. A board is found, asked, sent into its ROM,
and left again; after an error, where it is now."""
