"""One benchmark a file, called as it is run; each names itself in its `BENCHMARK`."""
