"""A stand-in for Stripe: a process of its own that speaks Stripe's HTTP API. See docs/stripe-stand-in.md."""
