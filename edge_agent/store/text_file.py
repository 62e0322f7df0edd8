"""Text as installers have it: UTF-8, UTF-8 with BOM, or GB18030; which one is found out and said."""

from pathlib import Path

from edge_agent.errors import Problem

AT_MOST_BYTES = 64 << 20
WORKBOOKS = (b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"))  # .xlsx is a zip, .xls a compound file


def read_text(file: Path) -> tuple[str, str]:
    """The text and its encoding's name. Raises Problem: not there, too large, a workbook, in no encoding expected."""
    try:
        size = file.stat().st_size
        if size > AT_MOST_BYTES:
            raise Problem(file.name, "", "store.csv_too_large", size_mb=size >> 20, most_mb=AT_MOST_BYTES >> 20)
        data = file.read_bytes()
    except OSError as error:
        raise Problem(file.name, "", "store.csv_unreadable", why=error.strerror) from error
    if data.startswith(WORKBOOKS):
        raise Problem(file.name, "", "store.csv_workbook")
    marked = data.startswith(b"\xef\xbb\xbf")
    for codec, name in (("utf-8-sig", "utf-8 with BOM" if marked else "utf-8"), ("gb18030", "gb18030")):
        try:
            return data.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise Problem(file.name, "", "store.csv_encoding")
