"""``python -m motia``."""

from motia.cli import main

main()
