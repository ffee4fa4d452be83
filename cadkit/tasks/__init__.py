"""Many independent, idempotent tasks over the processors of this machine, or over a cluster.

The one seam through which data work (phantom, import, prepare) is spread: a function, a list of
items, results as they come. Each task writes files named by its own content's owner, so that a task
done twice does no harm and a killed command can be typed again.

Where the tasks run is one argument, `workers`, which every such function hands through:

- None or a number: processes of this machine;
- `tcp://...` (`tls://...`): the workers of a dask scheduler;
- the path of a `.yaml` file: jobs of a queue such as Slurm (`docs/clusters.md`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cadkit.errors import Failure, InputError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Workers = int | str | None
"""Where tasks run: a number of processes, None for one per processor, or the address or file of a cluster."""


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chosen(workers: int | None, dask: str | None) -> Workers:
    """Where the options `--workers` and `--dask` say that tasks run.

    Raises:
        InputError: both were given.
    """
    if workers is not None and dask is not None:
        raise InputError(
            "--workers counts processes of this machine, --dask names a cluster",
            row="--dask",
            value=dask,
            mend="Give one of them.",
        )
    return workers if dask is None else dask


def run(
    function: Callable[[Item], Answer],
    items: Iterable[Item],
    workers: Workers = None,
    ordered: bool = True,
) -> Iterator[Answer]:
    """Apply `function` to every item and yield the answers.

    Args:
        function: defined at the top of a module, so that another process can import it.
        items: small, picklable descriptions of work; read lazily, a few ahead of the workers. On a
            cluster every path in them is absolute and on a file system that all workers share.
        workers: processes; None takes one per processor, 1 works in this process; or a cluster, as its
            scheduler's address or the file that describes its jobs.
        ordered: answers in the order of the items; False yields each as it is finished.

    Raises:
        InputError: the cluster is not there, cannot be described so, or runs another version of cadkit.
        Failure: a worker was killed, most often for want of memory. A cluster hands the task to another
            worker first, and gives up when it has taken several with it. An exception raised by
            `function` arrives as it is, with the worker's own traceback as its cause.
    """
    if isinstance(workers, str):
        from cadkit.tasks.cluster import run_there

        yield from run_there(function, items, workers, ordered)
        return
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
