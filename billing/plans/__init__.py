"""The catalogue of plans: what one is, and how its file is read."""
