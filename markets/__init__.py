"""What is true of a market on a day, whatever the news says."""
