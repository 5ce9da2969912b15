"""A workspace's pages about what it pays for."""
