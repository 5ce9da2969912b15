"""Stripe's objects as rows of ours, and what is read off them as they are stored."""
