"""What the business earns, month by month (docs/revenue.md). Amounts of two currencies never meet."""
