"""Steps of threads with contexts of their own, and a model that says what each context is to be after each."""
