"""`./dev security`: everything that tries to get from one tenant to another, at its full count."""
