"""The compiled core: kernels over Arrow buffers, one concept a module."""
