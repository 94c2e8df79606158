"""What a retrain tells: its page for a browser, its summary, and the card of the release."""
