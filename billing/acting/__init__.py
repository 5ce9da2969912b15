"""What people and rules of ours do to a subscription: each once, however often it is asked for."""
