"""The changes of Févry et al. to Faster R-CNN, each undone once: AUC and FROC of the test split.

    python -m benchmarks.papers.faster_rcnn_ablations DATASET FOLDER [--set epochs=8] [--rows posters,batch_1]

One seed, a random start with the preset tiny. Rows that differ at prediction alone (NMS, least score) use the
poster's run, whose epoch they share. A finished step is not done again: the same command typed twice goes on.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.papers.steps import HITS, cadkit, judge, trained
from cadkit.files import read_toml, write_toml

POSTERS = "posters"
TRAINED: dict[str, tuple[str, ...]] = {
    POSTERS: (),
    "no_negatives": ("negatives=false",),
    "no_oversampling": ("oversample=0.0",),
    "rpn_iou_0_7": ("rpn_iou=0.7",),
    "batch_1": ("batch=1",),
    "box_scaling": ("box_scaling=0.2",),
}
PREDICTED: dict[str, dict[str, float]] = {
    "nms_iou_0_5": {"nms_iou": 0.5},
    "min_score_0_05": {"min_score": 0.05},
}


def main() -> None:
    """Train and predict what is missing, and print the table of the rows asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--rows", default=",".join([*TRAINED, *PREDICTED]))
    parser.add_argument("--bootstrap", type=int, default=1000)
    given = parser.parse_args()
    wanted = given.rows.split(",")
    unknown = sorted(set(wanted) - {*TRAINED, *PREDICTED})
    if unknown:
        parser.error(f"there is no row {unknown[0]}; there are {', '.join([*TRAINED, *PREDICTED])}")
    predictions: dict[str, Path] = {}
    for row in wanted:
        source = row if row in TRAINED else POSTERS
        values = (*given.settings, *TRAINED[source])
        run = trained("faster_rcnn", given.dataset, given.folder / "runs" / source, given.preset, values)
        if row in PREDICTED:
            run = changed(run, given.folder / "runs" / row, PREDICTED[row])
        predictions[row] = given.folder / "predictions" / row
        cadkit("predict", run, "--split", "test", "--out", predictions[row])
    for hit in HITS:
        judge(given.dataset, given.folder, predictions, hit, given.bootstrap)


def changed(run: Path, folder: Path, values: dict[str, float]) -> Path:
    """A copy of a run with other settings of its prediction."""
    copy = folder / run.name
    shutil.copytree(run, copy, dirs_exist_ok=True)
    write_toml(copy / "config.toml", read_toml(run / "config.toml") | values)
    return copy


if __name__ == "__main__":
    main()
