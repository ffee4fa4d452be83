"""Faster R-CNN beside GMIC on the same exams: AUC and FROC with intervals, and the paired differences.

    cadkit import mias FILES mias --shares 60/0/40
    cadkit prepare mias
    python -m benchmarks.papers.beside_gmic mias FOLDER [--set epochs=20] [--start faster_rcnn=RUN]

Both train with the preset of one name on the same split, one seed. A map has no boxes, so that a hit is one by the
centre. Few images: all that are not judged train, and the last epoch is kept. A finished step is not done again: the
same command typed twice goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.papers.steps import NUMBERS, cadkit, judge, number, trained

PLUGINS = ("faster_rcnn", "gmic")


def main() -> None:
    """Train and predict what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="a setting of both")
    parser.add_argument("--start", action="append", default=[], dest="starts", help="PLUGIN=RUN whose weights begin")
    parser.add_argument("--bootstrap", type=int, default=2000)
    given = parser.parse_args()
    starts = dict(start.split("=", 1) for start in given.starts)
    predictions: dict[str, Path] = {}
    for plugin in PLUGINS:
        values = [*given.settings, *([f'init_from=["{starts[plugin]}"]'] if plugin in starts else [])]
        run = trained(plugin, given.dataset, given.folder / "runs", given.preset, values)
        predictions[plugin] = given.folder / "predictions" / plugin
        cadkit("predict", run, "--split", "test", "--saliency", "--out", predictions[plugin])
    differences = judge(given.dataset, given.folder, predictions, "center", given.bootstrap)
    print("\n| a - b | label | what | difference | method |\n| --- | --- | --- | --- | --- |")
    for row in differences:
        if (row["metric"], row["at"]) in NUMBERS and {row["a"], row["b"]} == set(PLUGINS):
            what = row["metric"] if row["at"] is None else f"{row['metric']} at {row['at']:g}"
            cells = (f"{row['a']} - {row['b']}", row["label"], what, number(row, "difference"), row["method"])
            print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
