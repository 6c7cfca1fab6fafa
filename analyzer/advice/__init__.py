"""What would make a model fit on a card: changes, their combinations, and the proof that each one does."""
