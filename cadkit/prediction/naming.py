"""What predictions are called: by one rule, which looks at others only where two would have one name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import count as numbers
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cadkit.prediction.folder import Predictions


def title_of(record: Mapping[str, Any], folder: str) -> str:
    """The name of predictions in a folder.

    `predictions/gmic-1-test`, which is where a run predicts, is called as the run: `gmic-1`. Any other folder that a
    run or plugin predicted into has its own name. Predictions of another program, and combinations, are called as they
    record.

    Args:
        record: what prediction.toml says.
        folder: name of the folder.
    """
    name = str(record.get("name") or folder)
    made_here = ("run" in record or "distribution" in record) and not record.get("parts")
    usual = {folder, re.sub(r"-\d+$", "", folder)} & {name, *_usual_folders(name, record)}
    return name if not made_here or usual else folder


def _usual_folders(name: str, record: Mapping[str, Any]) -> list[str]:
    split = record.get("split", "test")
    data = Path(str(record.get("dataset", ""))).name
    return [f"{name}-{split}", f"{name}-{data}-{split}"]


def names_of(predictions: Sequence[Predictions], reserved: Collection[str] = ()) -> list[str]:
    """Names that differ: titles, for those of one title the folders' names, else numbered.

    Args:
        predictions: in order.
        reserved: names that are taken.
    """
    titles = [one.title for one in predictions]
    wanted = [one.name if titles.count(title) > 1 else title for title, one in zip(titles, predictions, strict=True)]
    made: list[str] = []
    for name in wanted:
        taken = {*reserved, *made, *(other for other in wanted if other != name)}
        free = (f"{name} ({n})" if n > 1 else name for n in numbers(1))
        made.append(next(one for one in free if one not in taken))
    return made
