"""Nouns: frozen structs with their invariants. Nothing here reads, writes, waits or knows a library but msgspec."""
