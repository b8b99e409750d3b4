"""Stories into structured, dated, ticker-linked events."""
