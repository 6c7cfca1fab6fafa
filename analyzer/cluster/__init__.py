"""Clusters: what partitions have and allow, read from a file or from sinfo, and which of them a model fits on."""
