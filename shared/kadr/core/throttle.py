"""How often one client may ask for something that is expensive: a token bucket for each.

Counts are in memory, so they hold within one process; whatever starts more processes (AWS Lambda does)
needs an outer limit besides.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# A bucket is a string and two numbers, some 300 bytes: 3 MB at most, and addresses enough for a busy hour.
_MOST_CLIENTS = 10_000


class TokenBuckets:
    """Lets each client through ``burst`` times at once, and ``per_minute`` times a minute after that.

    Thread-safe. The clients that came last are remembered, ``most`` of them; one that is forgotten begins
    with a full bucket. ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self,
        per_minute: float,
        burst: int,
        *,
        most: int = _MOST_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when that was
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Take a token and return 0.0, or return in how many seconds there will be one."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(client, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - since) * self._per_second)
            allowed = tokens >= 1
            self._buckets[client] = (tokens - 1 if allowed else tokens, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return 0.0 if allowed else (1 - tokens) / self._per_second


def client_of(address: str) -> str:
    """Return what stands for one client: an IPv4 address, of IPv6 the /64, which is what a subscriber gets.

    What is no address is a client of its own.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
