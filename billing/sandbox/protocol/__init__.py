"""Stripe's wire protocol: paths, parameters, errors, idempotency, lists."""
