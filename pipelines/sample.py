"""The sample document, put into an empty library at the first start."""

from pathlib import Path

import httpx

import lectern
from lectern.accounts.people import LOCAL
from lectern.errors import EngineUnavailable
from lectern.settings import Settings
from pipelines.places import Places

SAMPLE = Path(lectern.__file__).with_name("sample.md")
FILENAME = "Welcome to Lectern.md"


def sample_is_due(settings: Settings, places: Places) -> bool:
    """Whether this is the first start, of an installation with nothing in it."""
    from resources.services import Services

    if not settings.sample_document or places.sample_offered.exists():
        return False
    services = Services.open(settings)
    is_empty = not services.catalog.documents(LOCAL)
    services.close()
    return is_empty


def offer_sample(address: str, places: Places) -> None:
    """Upload the sample as a person would, once: deleted, it stays away.

    Raises:
        EngineUnavailable: The app did not take it; the next start tries again.
    """
    content = SAMPLE.read_bytes()
    try:
        with httpx.Client(
            base_url=address, headers={"Origin": address}, trust_env=False, timeout=30
        ) as client:
            wanted = {"name": FILENAME, "size_bytes": len(content)}
            upload = client.post("/api/uploads", json=wanted).raise_for_status().json()
            client.put(
                f"/api/uploads/{upload['id']}",
                content=content,
                headers={"Upload-Offset": "0"},
            ).raise_for_status()
    except httpx.HTTPError as error:
        raise EngineUnavailable(
            f"The sample document could not be put in ({error}). Lectern works without."
        ) from error
    places.sample_offered.touch()
