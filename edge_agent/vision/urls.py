"""The URL of a camera: what of it may be said, what is wrong with it, and what it is on this machine's disk.

A URL may carry a password, in its login, in its path and in its query: it is never printed but by `shown`.
"""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

SCHEMES = {"rtsp", "rtsps", "http", "https", "file"}  # and v4l2, which has its own form (v4l2.py)
STILLS = {".jpg", ".jpeg", ".png", ".bmp"}
_HOST = re.compile(r"(\[[^\]]*\]|[^:/]*)(:\d+)?")
_SECRET = re.compile(
    r"((?:user\w*?|usr|login|pass\w*?|pwd|psw|pw|secret|token|auth\w*?|key|sign\w*?)(?:[=:]|%3[AD]))[^&;]*", re.I
)


def shown(url: str) -> str:
    """`url` without login and query, and with no password in its path either (`/user=…&password=…&channel=1`)."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        scheme, rest = "", url
    if scheme != "file":
        rest = rest.rpartition("@")[2]  # also of a password with a / in it, which ends the host's part of a URL
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    known = _HOST.match(host)
    return scheme + colon + (known[0] if known else "") + slash + _SECRET.sub(r"\1…", path)


def wrong_with(url: str) -> str | None:
    """The code of what is wrong with a URL that is no v4l2 one; None: nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "config.camera_url"
    if parts.scheme not in SCHEMES or not (parts.path if parts.scheme == "file" else parts.netloc):
        return "config.camera_url"
    if parts.scheme == "file" and parts.netloc:
        return "config.camera_url_host"
    if "#" in url or (parts.scheme != "file" and "@" in url.partition("://")[2].removeprefix(parts.netloc)):
        return "config.camera_url_login"
    return None if _port_is_right(parts) else "config.camera_url_port"


def _port_is_right(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def local_path(url: str) -> Path | None:
    """The file or folder of a file:// URL; None for what is live."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
