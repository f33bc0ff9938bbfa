"""`python -m filsluss`: the same as `filsluss`."""

from filsluss.cli import main

main()
