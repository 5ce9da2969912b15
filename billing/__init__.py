"""Billing: plans, checkout, subscriptions, and what each tenant may do because of them."""
