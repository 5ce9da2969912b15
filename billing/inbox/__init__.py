"""What Stripe tells by webhooks, and what is found by asking when it has not."""
