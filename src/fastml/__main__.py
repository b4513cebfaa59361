"""`python -m fastml`: the `fastml` command."""

from fastml.cli import main

if __name__ == "__main__":
    main()
