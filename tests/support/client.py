"""What the player does, without a browser: upload, wait, play, fetch the sound."""

import json
import time
import uuid
from typing import Any, Self

import httpx

PATIENCE_SECONDS = 60.0


class Client:
    """One person's connection to a running product."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=60)
        self._http.headers["origin"] = address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, name: str, data: bytes) -> str:
        """Upload a file and return its document id."""
        begun = self._http.post(
            "/api/uploads", json={"name": name, "size_bytes": len(data)}
        ).raise_for_status()
        answer = self._http.put(
            f"/api/uploads/{begun.json()['id']}",
            content=data,
            headers={"upload-offset": "0"},
        ).raise_for_status()
        return str(answer.json()["document"]["id"])

    def when_ready(self, document: str) -> dict[str, Any]:
        """Return the manifest as soon as the document can be played."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self._http.get(f"/api/documents/{document}/manifest")
            manifest: dict[str, Any] = answer.raise_for_status().json()
            if manifest["state"] == "ready":
                return manifest
            assert manifest["state"] != "failed", manifest
            time.sleep(0.05)
        raise TimeoutError(f"document {document} was never ready")

    def first_sound(self, document: str, manifest: dict[str, Any]) -> bytes:
        """Press play at the first spoken block and return its sound."""
        first = next(block["i"] for block in manifest["blocks"] if "x" not in block)
        self._http.post(
            f"/api/documents/{document}/cursor",
            json={
                "session": uuid.uuid4().hex,
                "sequence": 1,
                "block": first,
                "playing": True,
                "voice": manifest["voice"],
            },
        ).raise_for_status()
        key = self._key_of(document, first)
        return self._http.get(f"/api/audio/{key}.ogg").raise_for_status().content

    def _key_of(self, document: str, block: int) -> str:
        path = f"/api/documents/{document}/events"
        with self._http.stream("GET", path, timeout=PATIENCE_SECONDS) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and '"blocks"' in line:
                    for index, key, _ in json.loads(line[5:])["blocks"]:
                        if index == block:
                            return str(key)
        raise TimeoutError(f"block {block} was never voiced")
