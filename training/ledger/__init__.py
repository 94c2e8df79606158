"""What people decided and what became of it."""
