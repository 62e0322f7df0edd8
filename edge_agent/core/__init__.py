"""Decisions: pure functions and explicit state machines. No clock, no randomness, no I/O."""
