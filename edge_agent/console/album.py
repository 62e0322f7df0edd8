"""Small pictures of what cameras see now, where the guard may look: made once for all browsers, sent with the stream.

Not asked for by the page: on a line that swallows everything a few questions without an answer hold all connections a
browser has, and the stream does not come back.
"""

import base64

import msgspec

from edge_agent.console.needs import Needs
from edge_agent.model.site import Config


def on_wall(config: Config) -> dict[str, list[str]]:
    """Names of the cameras that may be shown, by their door; those of none under ''."""
    shown: dict[str, list[str]] = {}
    for camera in config.cameras:
        if "wall" in camera.use:
            shown.setdefault(camera.door, []).append(camera.name)
    return shown


class Album:
    """Holds each camera's newest picture, as a message."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._cameras = [camera for names in on_wall(needs.config).values() for camera in names]
        self._made: dict[str, tuple[bytes | None, bytes]] = {}

    def news(self, seen: dict[str, bytes | None]) -> bytes:
        """What somebody who has `seen` has not got: a message for each camera, without a picture when it has none."""
        news = list[bytes]()
        for camera in self._cameras:
            picture = self._needs.glimpse(camera)
            if camera in seen and seen[camera] is picture:
                continue
            seen[camera] = picture
            if camera not in self._made or self._made[camera][0] is not picture:
                said = {"camera": camera, "jpeg": base64.b64encode(picture).decode() if picture else ""}
                self._made[camera] = picture, b"event: picture\ndata: %s\n\n" % msgspec.json.encode(said)
            news.append(self._made[camera][1])
        return b"".join(news)
