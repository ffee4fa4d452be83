"""Preparing on a cluster while its workers are killed, beside preparing in one process: the stores are compared.

    python benchmarks/dask_kill.py [--exams 24] [--kills 2] [--workers 2]

A phantom is made and prepared in this process; a copy of it is prepared on a LocalCluster, one of whose workers
is killed (SIGKILL) after every few images. Every file of the two stores is then compared by its SHA-256.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from cadkit.files import sha256_of
from cadkit.phantom import make_phantom
from cadkit.prepare import prepare, preparing
from cadkit.prepare.image import Outcome


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a store, hidden ones included."""
    store = folder / "store"
    return {str(path.relative_to(store)): sha256_of(path) for path in sorted(store.rglob("*")) if path.is_file()}


def killing(outcomes: Iterator[Outcome], client: Client, kills: int, every: int) -> Iterator[Outcome]:
    """Hand outcomes through; after each `every` of them kill a worker that has tasks in hand."""
    for number, outcome in enumerate(outcomes, start=1):
        yield outcome
        if number % every == 0 and number // every <= kills:
            busy = {address: len(tasks) for address, tasks in client.processing().items()}
            victim = max(busy, key=lambda address: busy[address])
            process = client.run(os.getpid, workers=[victim])[victim]
            os.kill(process, signal.SIGKILL)
            print(f"after {number} images: killed worker {process}, which had {busy[victim]} tasks in hand", flush=True)


def main() -> None:
    """Prepare twice, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exams", type=int, default=24)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        alone, there = Path(name) / "alone", Path(name) / "there"
        make_phantom(alone, exams=options.exams, size=(512, 384), quiet=True, workers=options.workers)
        shutil.copytree(alone, there)
        print(f"in one process: {prepare(alone, workers=1, quiet=True)}", flush=True)
        with (
            LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            run, every = preparing.run, max(1, 4 * options.exams // (options.kills + 1))

            def watched(function: Any, items: Any, workers: Any) -> Iterator[Outcome]:
                return killing(run(function, items, workers), client, options.kills, every)

            preparing.run = watched  # type: ignore[assignment]
            print(f"on the cluster: {prepare(there, workers=cluster.scheduler_address, quiet=True)}", flush=True)
        first, second = checksums(alone), checksums(there)
    differing = [file for file in first.keys() | second.keys() if first.get(file) != second.get(file)]
    print(f"files: {len(first)} and {len(second)}; differing: {len(differing)} {' '.join(sorted(differing)[:5])}")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
