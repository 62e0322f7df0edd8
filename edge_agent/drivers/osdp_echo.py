"""Takes away what an RS-485 adapter hears of our own sending.

Some two-wire adapters give every byte sent back as received. libosdp skips such frames, but a device that is dead would
then seem to answer. A reply is told from an echo by its third byte: the address, in replies with bit 7 set.
"""

_TELLING = 3  # mark, start, address


class Echo:
    def __init__(self) -> None:
        self._sent = b""  # what may still come back
        self._seen = 0  # how much of it did

    def sent(self, frame: bytes) -> None:
        self._sent, self._seen = frame, 0

    def strip(self, data: bytes) -> bytes:
        """What of `data` came from somebody else. Two bytes at most are held until it is clear whose they are."""
        left = self._sent[self._seen :]
        if not left or not data:
            return data
        same = next((at for at, (here, there) in enumerate(zip(data, left, strict=False)) if here != there), None)
        if same is None:
            taken = min(len(data), len(left))
            self._seen += taken
            return data[taken:]
        before, self._sent = self._sent[: self._seen] if self._seen < _TELLING else b"", b""
        return before + data if self._seen + same < _TELLING else data[same:]
