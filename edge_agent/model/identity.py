"""Numbers of identity documents: the check digit of a Chinese resident's, and what of a number people may see."""

_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(17))
_CHECK = "10X98765432"  # ISO 7064 MOD 11-2 as GB 11643 writes it, by the weighted sum mod 11


def check_digit(first_17: str) -> str | None:
    """The 18th character (GB 11643-1999); None when the first 17 are not digits."""
    if len(first_17) != 17 or not (first_17.isascii() and first_17.isdecimal()):
        return None
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True)) % 11]


def masked(number: str) -> str:
    """Region and last two characters; the date of birth and the sequence are hidden."""
    return f"{number[:6]}{'*' * max(0, len(number) - 8)}{number[-2:]}" if len(number) > 8 else "*" * len(number)


def mistyped(number: str) -> bool:
    """Looks like a resident's number and is none; of other documents nothing is known."""
    return len(number) == 18 and number[:17].isdecimal() and check_digit(number[:17]) != number[17:]
