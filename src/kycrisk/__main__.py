"""`python -m kycrisk`: the command line."""

from kycrisk.cli import main

if __name__ == "__main__":
    main()
