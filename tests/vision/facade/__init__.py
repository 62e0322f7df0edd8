"""Seeded clips of façades with exact truth: what `make bench-vision` measures on, and small ones for `make test`.

`camera` projects, `wall` draws the building, `weather` disturbs, `objects` fall, `clip` puts them together and sends
every frame through H.264. Seeds below 1000 are for tuning, from 10000 on for what is published. `VERSION` changes with
the pictures.
"""

VERSION = 2
FPS = 15.0
BLIND = 18  # frames at the beginning of a clip of which the watch tells nothing: it compares and learns
