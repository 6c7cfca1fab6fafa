"""Evidence: the same graphs run by PyTorch, predicted beside measured. The one place in the repository that imports torch."""
