"""Writing a combination of predictions, and what `cadkit combine` is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadkit.data import Dataset
from cadkit.data.split_uses import record_use
from cadkit.prediction.columns import LEVELS
from cadkit.prediction.combination import Combination
from cadkit.prediction.folder import Predictions, saliency_path, write_saliency
from cadkit.prediction.merging import Merging
from cadkit.prediction.sources import dataset_for, predictions_of
from cadkit.prediction.writing import Tables, begin, finish
from cadkit.prepare import open_dataset
from cadkit.progress import track

_IDENTITY = (
    "name", "labels", "scores", "localizes", "split", "dataset_fingerprint", "saliency", "exams", "parts",
    "merge_iou", "merge_mm",
)  # fmt: skip
_RULE = Merging()


def combine_predictions(
    parts: Sequence[Predictions],
    data: Dataset,
    folder: str | Path,
    *,
    weights: Sequence[float] | None = None,
    name: str = "",
    rule: Merging = _RULE,
    quiet: bool = False,
) -> Predictions:
    """Write a combination of predictions as a prediction folder.

    Typed again after a kill it goes on behind the last whole map; a folder that is complete is returned as it is.

    Args:
        parts: at least two, of one dataset and split.
        data: the dataset.
        folder: of the prediction.
        weights: one for each part, none below 0; made to sum to one. Equal by default.
        name: of the combination; the folder's by default.
        rule: when marks of two parts are one.
        quiet: show no progress.

    Raises:
        InputError: the parts do not fit together, or the folder holds something else.
    """
    folder = Path(folder)
    made = Combination(parts, data, weights, name=name or folder.resolve().name, rule=rule)
    tables = {level: made.scores(level) for level in LEVELS if made.has(level)}
    complete = begin(folder, made.record, _IDENTITY)
    if made.record.get("split", "all") != "all":
        record_use(data.folder, "prediction", folder)
    if complete:
        return Predictions.open(folder)
    images = made.images if made.has_saliency else []
    for image in track(images, "averaging maps", len(images), quiet):
        path = saliency_path(folder, image)
        if not path.exists() and (mean := made.saliency(image)) is not None:
            write_saliency(path, mean)
    finish(folder, Tables(tables, made.marks(), made.rois(), made.skipped()), made.record)
    return Predictions.open(folder)


def combine_sources(
    sources: Sequence[str],
    out: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "",
    weights: Sequence[float] | None = None,
    name: str = "",
    rule: Merging = _RULE,
    saliency: bool = False,
    device: str = "auto",
) -> Predictions:
    """Combine runs (which predict first), prediction folders and score tables.

    Args:
        sources: at least two; runs, prediction folders, score tables, plugins that need no training.
        out: folder of the combination.
        data: the dataset; that of the first source that says one by default.
        split: that runs predict; test by default.
        weights, name, rule: of `combine`.
        saliency: runs that predict first write maps too.
        device: for such runs.

    Raises:
        InputError: sources and dataset do not fit together.
    """
    folder = dataset_for(sources, data)
    dataset = open_dataset(folder)
    parts = [
        predictions_of(source, dataset, split=split or "test", saliency=saliency, device=device) for source in sources
    ]
    return combine_predictions(parts, dataset, out, weights=weights, name=name, rule=rule)
