"""A config becomes a result and a report."""
