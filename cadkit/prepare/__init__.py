"""From files to a store of pictures that networks read: crop, orientation, windows, compressed arrays."""

from __future__ import annotations

from pathlib import Path

from cadkit.data.dataset import Dataset
from cadkit.files import read_toml
from cadkit.prepare.preparing import PrepareReport, prepare
from cadkit.prepare.store import Store

__all__ = ["PrepareReport", "Store", "open_dataset", "prepare"]


def open_dataset(folder: str | Path) -> Dataset:
    """Open a dataset, with the pixels of its store if it was prepared.

    Raises:
        InputError: it is no dataset, or its tables contradict each other; every problem is listed.
    """
    folder = Path(folder)
    state = folder / "store" / "store.toml"
    finished = state.is_file() and bool(read_toml(state).get("complete"))
    return Dataset.open(folder, Store(folder / "store") if finished else None)
