"""What is sold, as Stripe has it: its products and prices, and what a subscription to a plan is made of."""
