"""Tables and derivations for a paper, as values: what stands in each cell, before any format."""
