"""PyTorch's CUDA build on a machine without a GPU, and the recorder of what its allocator does with or without one."""
