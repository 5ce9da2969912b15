"""The rules that ruff, mypy and import-linter can't hold: one function a rule, each yielding findings."""
