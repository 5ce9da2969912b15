"""`./dev screens`: the pictures of the documentation, taken anew of the demo, in a stack of its own."""
