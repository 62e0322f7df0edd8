"""Pages for whoever sits at this machine: at a path that nobody guesses, and answering to this machine's names alone.

Other users of this machine reach its loopback, and so does a page from elsewhere whose name is made to point here.
"""

import secrets
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

NAMES = {"127.0.0.1", "localhost", "::1"}


def secret_path() -> str:
    return "/" + secrets.token_urlsafe(16)


class LocalHandler(BaseHTTPRequestHandler):
    """Refuses what was not asked of this machine by name, and writes nothing on the terminal."""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if not _names_this_machine(self.headers.get("host", "")):
            self.send_error(421)
            return False
        return True

    def log_message(self, format: str, *args: Any) -> None:
        return


def _names_this_machine(host: str) -> bool:
    """Of whatever port: that of an SSH tunnel is another one."""
    try:
        return urlsplit(f"//{host}").hostname in NAMES
    except ValueError:
        return False
