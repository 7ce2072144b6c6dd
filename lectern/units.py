"""Numbers of bytes in words, the same way in messages, pages and the browser."""

STEP = 1024
"""As file managers count, and as dashboard/static/format.js does."""
UNITS = ("kB", "MB", "GB", "TB")


def size(size_bytes: float) -> str:
    """Return a number of bytes for people: "253 kB", "1.5 MB", "12 GB"."""
    if size_bytes < STEP:
        return f"{size_bytes:.0f} B"
    value = size_bytes
    for unit in UNITS:
        value /= STEP
        if value < STEP or unit == UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
