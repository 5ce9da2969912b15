"""The pages that people see: Checkout, the billing portal, an invoice, the 3-D Secure challenge."""
