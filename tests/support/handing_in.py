"""Handing a file in as the app does, without a browser, and waiting for its end."""

import time
from pathlib import Path

import httpx


def outcome(address: str, path: Path) -> dict:
    """Upload a file as the app does; return its document or the refusal."""
    data = path.read_bytes()
    with httpx.Client(
        base_url=address, headers={"origin": address}, timeout=60
    ) as client:
        begun = client.post(
            "/api/uploads", json={"name": path.name, "size_bytes": len(data)}
        )
        answer = client.put(
            f"/api/uploads/{begun.raise_for_status().json()['id']}",
            content=data,
            headers={"upload-offset": "0"},
        )
    return answer.json()


def settled(address: str, document: str) -> dict:
    """Wait until a document is ready or failed."""
    deadline = time.monotonic() + 240
    while True:
        manifest = httpx.get(f"{address}/api/documents/{document}/manifest").json()
        if manifest["state"] != "preparing" or time.monotonic() > deadline:
            return manifest
        time.sleep(0.3)
