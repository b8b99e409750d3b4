"""The compiled engine: a numba twin of the broker and the built-in strategies, to the cent."""
