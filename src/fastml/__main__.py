"""`python -m fastml`: the `fastml` command."""

from fastml.cli import main

main()
