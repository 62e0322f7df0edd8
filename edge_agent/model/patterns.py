"""Patterns of texts, for Python and, without what Python alone needs, for the published JSON Schemas (ECMA-262)."""

NO_NEWLINE = r"(?!\n)"  # Python's `$` alone would let a text end in one; ECMA-262 knows no `\Z`


def whole(pattern: str) -> str:
    """All of a text has this form. `pattern`: without alternatives outside brackets."""
    return f"^{pattern}${NO_NEWLINE}"
