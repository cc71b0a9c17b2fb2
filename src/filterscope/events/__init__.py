"""TensorBoard's files: what is written into them, and read back."""
