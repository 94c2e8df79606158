"""`python -m clayloop`."""

from clayloop.cli import main

if __name__ == "__main__":
    main()
