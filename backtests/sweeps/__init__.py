"""Sweeps: many runs of one config, with what they share computed once."""
