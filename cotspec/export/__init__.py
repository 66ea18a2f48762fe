"""A trained model as a folder to hand on: its files and a card, whole or not at all (docs/export.md)."""
