"""The commands, one function each. Imports of the pipeline stand inside them, so that `--help` costs nothing."""
