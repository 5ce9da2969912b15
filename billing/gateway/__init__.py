"""Stripe, and nothing else: the only place that imports its package. What comes back are our own values."""
