"""How often one client may ask."""

from __future__ import annotations

import pytest

from kadr.core.throttle import TokenBuckets, client_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_burst_a_client_waits_and_others_do_not() -> None:
    clock = Clock()
    buckets = TokenBuckets(6, 3, clock=clock)
    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.wait("a") == pytest.approx(10)
    assert buckets.wait("b") == 0
    clock.now += 4
    assert buckets.wait("a") == pytest.approx(6)
    clock.now += 6.001
    assert buckets.wait("a") == 0
    assert buckets.wait("a") > 9


def test_a_bucket_is_never_more_than_full() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, 2, clock=clock)
    buckets.wait("a")
    clock.now += 3600
    assert [buckets.wait("a") == 0 for _ in range(3)] == [True, True, False]


def test_asking_too_often_does_not_make_the_wait_longer() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, 1, clock=clock)
    buckets.wait("a")
    waits = {buckets.wait("a") for _ in range(100)}
    assert waits == {1.0}


def test_only_the_clients_that_came_last_are_remembered() -> None:
    buckets = TokenBuckets(1, 1, most=2, clock=Clock())
    assert [buckets.wait(client) for client in ("a", "b", "c")] == [0, 0, 0]
    assert buckets.wait("c") > 0
    assert buckets.wait("a") == 0  # forgotten


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("testclient", "testclient", True),
    ],
)
def test_what_one_client_is(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same
