"""`python -m cotspec` is the command `cotspec`."""

from cotspec.cli import console

if __name__ == "__main__":
    console()
