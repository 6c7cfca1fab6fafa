"""What pictures show, as plain values: curves, fields, frontiers, shares and courses of memory. Nothing is drawn here."""
