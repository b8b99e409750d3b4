"""What was known of a ticker at a decision instant, as numbers."""
