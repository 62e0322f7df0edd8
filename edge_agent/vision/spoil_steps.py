"""How photographs are made worse for degradation curves (spoil.py does it), and by how much. No image library here."""

STEPS: dict[str, tuple[float, ...]] = {
    "width": (96, 64, 48, 40, 32, 24, 16),  # of the face, px
    "blur": (1, 2, 3, 4, 6),  # standard deviation, in px of a face of 112 px
    "gamma": (0.3, 0.5, 2.0, 3.0, 4.0),
    "jpeg": (50, 30, 20, 10, 5),  # quality
}
