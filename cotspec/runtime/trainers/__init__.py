"""What each of `cotspec.trainers` does with torch, in the module of its name: its `ALGORITHM`."""
