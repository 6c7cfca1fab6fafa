"""`python -m analyzer` is the `peakform` command."""

from analyzer.cli import main

main()
