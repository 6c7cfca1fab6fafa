"""Runs a graph: autograd, the optimizer and reference counts, with symbolic bytes."""
