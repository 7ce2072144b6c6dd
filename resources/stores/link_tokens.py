"""What a link carries: chance, of which only the digest is kept."""

import secrets

from lectern.ids import digest

TOKEN_BYTES = 24


def new_token() -> str:
    """Return what a new link carries: 192 random bits, told once."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_digest(token: str) -> str:
    """Return by what a link is found, so that no table holds what opens it."""
    return digest(token)
