"""Several calls at one time, with a sign of life while they last."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

TICK_SECONDS = 0.25


def each(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    *,
    parallel: int,
    sign: Callable[[], None],
) -> Iterator[tuple[Item, Future[Result]]]:
    """Yield each item with what became of it, as they are done.

    Items are taken only as there is room for them. ``sign`` is called in between and
    may raise to stop: nothing more is begun then, and what is under way is left to
    itself. Its threads hold up nobody's end.
    """
    done: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()

    def carry_out(item: Item) -> None:
        future: Future[Result] = Future()
        try:
            future.set_result(work(item))
        except BaseException as error:  # noqa: BLE001  (told to whoever asks for it)
            future.set_exception(error)
        done.put((item, future))

    waiting = iter(items)
    under_way, is_more = 0, True
    while is_more or under_way:
        while is_more and under_way < parallel:
            try:
                item = next(waiting)
            except StopIteration:
                is_more = False
                break
            threading.Thread(target=carry_out, args=(item,), daemon=True).start()
            under_way += 1
            sign()
        if not under_way:
            return
        try:
            ended = done.get(timeout=TICK_SECONDS)
        except queue.Empty:
            sign()
            continue
        under_way -= 1
        yield ended
