"""How large a photograph may be: known also where no image library is."""

PIXELS_AT_MOST = 50_000_000
BYTES_AT_MOST = 64 << 20
