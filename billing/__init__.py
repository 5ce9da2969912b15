"""Billing: plans, checkout, subscriptions. Nothing is in it yet; see the README."""
