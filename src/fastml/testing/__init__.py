"""NumPy references of the compiled kernels, and Hypothesis strategies for what they read."""
