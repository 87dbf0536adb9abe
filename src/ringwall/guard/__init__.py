"""The guard: the kernel's bans in the SBC's network namespace. Standard library only."""
