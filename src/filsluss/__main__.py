"""`python -m filsluss` is `filsluss`."""

from filsluss.cli import main

main()
