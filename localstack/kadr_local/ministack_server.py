"""MiniStack in a process of its own, with four additions.

*Its state is saved while it runs.* By itself MiniStack writes stacks, functions, queues and messages to
disk only when it is asked to end; a power cut would lose them. Here they are written a moment after every
change, and at ``POST /_kadr/save``.

*A message whose function died comes back soon.* When a worker process is killed, crashes or runs out of
time, its messages stay invisible for the queue's visibility timeout: half an hour for an extractor. Nobody
works on them any more, so they become visible again after a few seconds; and so do those that were being
worked on when MiniStack itself was killed.

*Queues follow the port.* MiniStack knows a queue by its address; on another port than the one that a stack
was made on, functions would never be given the messages of their queues.

These three reach into MiniStack, whose version is pinned; if a name is missing, it says so in its log and
goes on without.

*It answers this machine only.* By itself it lets every web page that a browser opens read and change
everything; ``guard.py`` stands before it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kadr_local.guard import Guard

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Messages and what is known of objects are saved this long after a change, and never for more than a tenth
# of the time; the rest, which changes when a stack is deployed (and then is saved at once), takes longer:
# 0.1 s for the project's own stack, of which most is CloudFormation's memory of events.
SAVE_AFTER = 0.2  # seconds
SAVE_ALL_AFTER = 5.0  # seconds
OFTEN = frozenset({"sqs", "s3"})
FIRST_RETRY = 3.0  # seconds until a dead function's message is delivered again; doubled every time
# Functions' output is in files of its own (see worker.py); kept and written over and over with the rest of
# the state, it would make every save slower than the last.
NOT_SAVED = frozenset({"cloudwatch_logs"})

log = logging.getLogger("kadr.ministack")


class Saving:
    """An ASGI application around MiniStack's that saves after changes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._changed = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            self._timer = asyncio.create_task(self._save_after_changes())

            async def send_when_ready(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "lifespan.startup.complete":  # the saved state has been read
                    move_queues()
                    return_messages_of_the_last_run()
                await send(message)

            try:
                await self._inner(scope, receive, send_when_ready)
            finally:
                self._timer.cancel()
            return
        if scope["type"] == "http" and scope["path"] == "/_kadr/save" and scope["method"] == "POST":
            save(everything=True)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._inner(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            self._changed.set()

    async def _save_after_changes(self) -> None:
        pause = SAVE_AFTER
        since: float | None = None  # the first change that only saving everything would keep
        while True:
            remaining = None if since is None else max(0.0, since + SAVE_ALL_AFTER - time.monotonic())
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
                await asyncio.sleep(pause)
            except TimeoutError:
                pass
            started = time.monotonic()
            if self._changed.is_set() and since is None:
                since = started
            self._changed.clear()
            everything = since is not None and started - since >= SAVE_ALL_AFTER
            save(everything=everything)
            pause = max(SAVE_AFTER, 10 * (time.monotonic() - started))
            if everything:
                since = None


def save(*, everything: bool) -> None:
    """Write MiniStack's state to disk: all of it, or what changes often."""
    from ministack import app
    from ministack.core.persistence import save_all

    services = app._build_persistence_save_dict()
    wanted = services.keys() - NOT_SAVED if everything else OFTEN
    save_all({name: state for name, state in services.items() if name in wanted})


def move_queues() -> None:
    """Give the queues that were made on another port the addresses that they have on this one."""
    try:
        from ministack.services import sqs

        with sqs._queues_lock:
            for (account, region, address), queue in list(sqs._queues._data.items()):
                here = sqs._queue_url_for_account(account, address.rpartition("/")[2])
                if here != address:
                    del sqs._queues._data[account, region, address]
                    sqs._queues._data[account, region, here] = {**queue, "url": here}
            sqs._rebuild_queue_name_index()
    except (AttributeError, KeyError, ValueError):
        log.exception("this MiniStack is another one than expected: its queues stay on the old port")


def return_messages_of_the_last_run() -> None:
    """Make messages visible again that somebody received before this process started."""
    try:
        from ministack.services import sqs

        soon = time.time() + FIRST_RETRY
        with sqs._queues_lock:
            for queue in sqs._queues._data.values():
                for message in queue["messages"]:
                    if message.get("receive_count"):
                        message["visible_at"] = min(message["visible_at"], soon)
    except (AttributeError, KeyError):
        log.exception("this MiniStack is another one than expected: messages of its last run return late")


def return_messages_of_dead_functions() -> None:
    """Make the messages of a failed invocation visible again soon."""
    from ministack.services import lambda_svc, sqs

    this_thread = threading.local()
    execute, run_batch = lambda_svc._execute_function, lambda_svc._run_sqs_batch

    def execute_and_remember(*args: Any, **kwargs: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(*args, **kwargs)
        this_thread.failed = bool(result.get("error"))
        return result

    def run_and_return(*arguments: Any) -> None:
        _, _, _, batch, url, _ = arguments
        this_thread.failed = False
        run_batch(*arguments)
        if not this_thread.failed:
            return
        handles = {message["receipt_handle"]: message.get("receive_count", 1) for message in batch}
        now = time.time()
        with sqs._queues_lock:
            for message in sqs._queues[url]["messages"]:
                count = handles.get(message.get("receipt_handle"))
                if count is not None:
                    soon = now + FIRST_RETRY * 2 ** (count - 1)
                    message["visible_at"] = min(message["visible_at"], soon)

    lambda_svc._execute_function = execute_and_remember
    lambda_svc._run_sqs_batch = run_and_return


def main() -> None:
    """Serve until SIGTERM."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    parser = argparse.ArgumentParser(prog="kadr_local.ministack_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()

    from ministack import app

    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    try:
        return_messages_of_dead_functions()
    except AttributeError:
        log.exception("this MiniStack is another one than expected: messages of dead functions return late")
    config = Config()
    config.bind = [f"{arguments.host}:{arguments.port}"]
    config.keep_alive_timeout = 75  # longer than boto3 keeps a connection
    config.graceful_timeout = 5
    config.loglevel = "WARNING"
    asyncio.run(serve(Guard(Saving(app.app)), config))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
