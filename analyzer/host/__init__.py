"""Host memory: what the `data:` section of a config says lies in RAM and how it moves, as closed forms."""
