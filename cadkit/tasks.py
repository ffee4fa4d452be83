"""Many independent, idempotent tasks over the processors of this machine.

The one seam through which data work (phantom, import, prepare) is spread: a function, a list of
items, results as they come. Each task writes files named by its own content's owner, so that a task
done twice does no harm and a killed command can be typed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cadkit.errors import Failure

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    function: Callable[[Item], Answer],
    items: Iterable[Item],
    workers: int | None = None,
    ordered: bool = True,
) -> Iterator[Answer]:
    """Apply `function` to every item and yield the answers.

    Args:
        function: defined at the top of a module, so that another process can import it.
        items: small, picklable descriptions of work; read lazily, a few ahead of the workers.
        workers: processes; None takes one per processor, 1 works in this process.
        ordered: answers in the order of the items; False yields each as it is finished.

    Raises:
        Failure: a worker was killed, most often for want of memory. An exception raised by
            `function` arrives as it is, with the worker's own traceback as its cause.
    """
    count = processors() if workers is None else workers
    if count <= 1:
        for item in items:
            yield function(item)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    parallel = Parallel(n_jobs=count, return_as="generator" if ordered else "generator_unordered")
    try:
        yield from parallel(delayed(function)(item) for item in items)
    except TerminatedWorkerError as error:
        raise Failure(
            "A worker process was killed, most likely because memory ran out. Type the same command again "
            f"with fewer workers (--workers {max(1, count // 2)}); what was finished is kept."
        ) from error
