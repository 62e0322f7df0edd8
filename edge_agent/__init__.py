"""The edge agent: decides at the gate, keeps every event, publishes to the city."""

__version__ = "0.1.0"
