"""Simulated terminals, gates, cameras and brokers: used by the demo and the tests, shipped in the product."""
