"""`python -m gateway.cli` is `mandate`."""

from gateway.cli.main import main

main()
