"""What recording costs, as ratios against other ways within one process."""
