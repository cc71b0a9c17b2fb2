"""What a torch model convolves with: which layers there are, and the weights that they hold now."""
