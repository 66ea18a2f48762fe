"""The algorithms' halves with torch, one module each by the name of `cotspec.trainers`: `HALF` is what it offers."""
