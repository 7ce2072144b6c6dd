"""What a browser does with Streamlit's pages, without drawing them.

Speaks the protocol of Streamlit's own page: asks for a run of the script, takes its
messages until the run has finished, and asks for the fragments that want to be run
again and again, for as long as they do.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from time import perf_counter

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

LARGEST_BYTES = 64 * 1024**2
ENDED = {
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
}


@dataclass
class PageClient:
    """One open page of the app. Use it as an asynchronous context."""

    address: str  # of the app, without a slash at the end
    cookie: str = ""
    fragment_seconds: list[float] = field(default_factory=list)
    received_bytes: int = 0
    pages: dict[str, str] = field(default_factory=dict)  # script hash by url path

    async def __aenter__(self) -> "PageClient":
        """Connect, without asking for a page yet."""
        headers = {"origin": self.address}
        if self.cookie:
            headers["cookie"] = self.cookie
        self._socket: ClientConnection = await connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            additional_headers=headers,
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=LARGEST_BYTES,
            compression=None,
        )
        self._finished: asyncio.Queue[None] = asyncio.Queue()
        self._again: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, float] = {}
        self._path = ""
        self._query = ""
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the page."""
        self._stop_fragments()
        self._reader.cancel()
        await self._socket.close()

    async def show(self, path: str, query: str = "") -> float:
        """Go to a page and return the seconds until all of it was here."""
        self._path, self._query = path, query
        self._stop_fragments()
        began = perf_counter()
        await self._ask()
        await self._end_of_run()
        return perf_counter() - began

    async def _end_of_run(self) -> None:
        ended = asyncio.create_task(self._finished.get())
        done, _ = await asyncio.wait(
            {ended, self._reader}, return_when=asyncio.FIRST_COMPLETED
        )
        if ended not in done:
            ended.cancel()
            raise ConnectionError("The page was closed by the app.")

    async def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self.pages.get(self._path, "")
        state.page_name = "" if state.page_script_hash else self._path
        if fragment:
            state.fragment_id = fragment
            state.is_auto_rerun = True
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for data in self._socket:
            assert isinstance(data, bytes)
            self.received_bytes += len(data)
            message = ForwardMsg()
            message.ParseFromString(data)
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self.pages = {
                page.url_pathname: page.page_script_hash
                for page in message.navigation.app_pages
            }
        elif kind == "auto_rerun":
            fragment = message.auto_rerun.fragment_id
            self._forget(fragment)
            self._again[fragment] = asyncio.create_task(
                self._run_again(fragment, message.auto_rerun.interval)
            )
        elif kind == "script_finished" and message.script_finished in ENDED:
            self._finished.put_nowait(None)
        elif (
            kind == "script_finished"
            and message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
        ):
            for began in self._asked.values():
                self.fragment_seconds.append(perf_counter() - began)
            self._asked.clear()

    async def _run_again(self, fragment: str, interval_seconds: float) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(interval_seconds)
                self._asked.setdefault(fragment, perf_counter())
                await self._ask(fragment)

    def _forget(self, fragment: str) -> None:
        if task := self._again.pop(fragment, None):
            task.cancel()

    def _stop_fragments(self) -> None:
        for fragment in list(self._again):
            self._forget(fragment)
        self._asked.clear()
