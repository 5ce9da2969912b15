"""Measures what is promised to be fast; see docs/benchmarks.md. Run as `./dev bench [NAME]`."""
