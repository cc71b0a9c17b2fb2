"""What touches TensorBoard."""
