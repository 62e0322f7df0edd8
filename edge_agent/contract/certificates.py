"""What certificates say about time: a certificate we trust was made before now, whatever the clock says."""

from pathlib import Path

from cryptography import x509


def not_before_ms(paths: list[Path]) -> int:
    """The newest notBefore of the certificates in these PEM files, Unix ms; 0 when none can be read."""
    newest = 0
    for path in paths:
        try:
            certificates = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            continue  # the connection says what is wrong with it
        newest = max([newest, *(int(each.not_valid_before_utc.timestamp() * 1000) for each in certificates)])
    return newest
