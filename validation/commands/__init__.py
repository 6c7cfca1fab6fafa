"""The commands of `python -m validation`, one file each."""
