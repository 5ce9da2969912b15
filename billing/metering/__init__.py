"""What is used beyond what a plan includes: shown, capped, and told to Stripe, which charges for it."""
