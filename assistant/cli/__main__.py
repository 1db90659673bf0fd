"""`python -m assistant.cli` is the `limner` command."""

from assistant.cli import main

main()
