"""The Filters tab inside TensorBoard. Neither torch nor matplotlib is imported here."""
