"""Bytes to nouns and back, sans-IO: nothing here opens, waits, or knows what time it is."""
