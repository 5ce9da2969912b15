"""How long Stripe waits between tries of a delivery: it tries "for up to three days with an exponential back off"
(https://docs.stripe.com/webhooks#retries), without saying when; these are 2.7 days in all."""

LIKE_STRIPE: tuple[float, ...] = (60, 300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200, 43_200)  # seconds
