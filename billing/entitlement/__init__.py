"""What a tenant may do by what is granted and paid, until when, and who is told of it."""
