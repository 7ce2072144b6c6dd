"""Whether the web server in front is who it says."""

import hmac
from collections.abc import Sequence

from pydantic import SecretStr


def is_shown(secret: SecretStr, shown: Sequence[str]) -> bool:
    """Whether exactly this secret is shown, once; told in the same time always."""
    wanted = secret.get_secret_value().encode()
    return len(shown) == 1 and hmac.compare_digest(shown[0].encode(), wanted)
