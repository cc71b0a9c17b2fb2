"""A model's filters recorded as it trains, whatever the loop. Knows torch, but no Trainer."""
