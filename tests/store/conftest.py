"""The rig of these tests is importable by its name (tests are no packages)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
