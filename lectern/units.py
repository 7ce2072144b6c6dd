"""Numbers of bytes in words, the same way in messages, pages and the browser."""

STEP = 1000
"""What k, M and G mean (SI); dashboard/static/format.js counts the same way."""
UNITS = ("kB", "MB", "GB", "TB")


def size(size_bytes: float) -> str:
    """Return a number of bytes for people: "253 kB", "1.5 MB", "2 GB"."""
    if size_bytes < STEP:
        return f"{size_bytes:.0f} B"
    value = size_bytes
    for unit in UNITS:
        value /= STEP
        if round(value) < STEP or unit == UNITS[-1]:
            break
    number = f"{value:.1f}" if value < 10 else f"{value:,.0f}"
    return f"{number.removesuffix('.0')} {unit}"
