"""Hong Kong's rulebook as dated TOML tables (in `data/`), and the reader of such tables."""
