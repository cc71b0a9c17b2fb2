"""The Lightning callback. No other room imports Lightning."""
