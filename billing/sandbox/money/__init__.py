"""What moves money: cards, payments, invoices, and the life of a subscription."""
