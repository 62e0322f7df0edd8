"""The only SQL: one writer thread, durable before acknowledged."""
