"""`./dev tour`: shows around in the terminal, on the running stack: what is promised is done and looked at."""
