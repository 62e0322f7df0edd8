"""The rows, by what they break."""

import importlib

FILES = (
    "kills",
    "broker",
    "city",
    "power",
    "disk",
    "damage",
    "commands",
    "network",
    "clock",
    "people",
    "strain",
    "hostile",
    "upgrade",
    "backlog",
    "cameras",
    "soak",
)


def load() -> None:
    """Enter all rows into the matrix."""
    for name in FILES:
        importlib.import_module(f"{__name__}.{name}")
