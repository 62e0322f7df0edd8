"""The edge agent: decides at the gate, keeps every event, publishes to the city."""

__version__ = "0.1.0"
BUILT_MS = 1_764_547_200_000  # 2025-12-01: this program did not exist earlier, whatever a clock says
