"""The story of the product, told through ports: entry, alarm, publish, command."""
