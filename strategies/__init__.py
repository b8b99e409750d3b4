"""What to hold, given signals: the base strategy, sizing, the built-in strategies and baselines."""
