"""Tasks over processes: order, errors, killed workers."""

from __future__ import annotations

import os
import signal

import pytest

from cadkit import tasks
from cadkit.errors import Failure


def _square(number: int) -> int:
    return number * number


def _fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is not allowed")
    return number


def _killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(tasks.run(_square, range(20), workers=workers)) == [n * n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_unordered_answers_are_all_there(workers: int) -> None:
    assert sorted(tasks.run(_square, range(20), workers=workers, ordered=False)) == [n * n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_arrives_as_it_is(workers: int) -> None:
    with pytest.raises(ValueError, match="three is not allowed"):
        list(tasks.run(_fail_at_three, range(6), workers=workers))


@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning", "ignore:.*resource_tracker.*:UserWarning")
def test_a_killed_worker_is_a_failure_that_says_what_to_do() -> None:
    with pytest.raises(Failure, match="--workers 1"):
        list(tasks.run(_killed, range(4), workers=2))
