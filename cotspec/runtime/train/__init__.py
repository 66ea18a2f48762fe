"""Training on TRL: thin modules that turn a payload into a trainer. Imported only by training tasks."""
