"""A reader study on a simulated population: fourteen simulated radiologists, two simple models, and both together.

    python examples/reader_study/study.py FOLDER

Every step is a command that is shown before it runs; typed again, finished steps are not repeated.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl

import cadkit

HERE = Path(__file__).resolve().parent


def run(*arguments: object) -> None:
    """Show a command and run it; the example ends where it fails."""
    words = ["cadkit", *map(str, arguments)]
    print(f"\n$ {' '.join(words)}", flush=True)
    program = Path(sys.executable).with_name("cadkit")
    subprocess.run([str(program), *words[1:]], check=True)


def main(
    folder: Path,
    exams: int = 120,
    size: str = "128x104",
    replicates: int = 2000,
    models: tuple[str, ...] = ("Discs", "Specks"),
) -> None:
    """Run the example below `folder`."""
    data = folder / "D"
    run("phantom", data, "--exams", exams, "--size", size, "--readers", 14, "--difficulty", "easy")
    run("prepare", data)
    predictions = []
    for name in models:
        out = folder / "predictions" / name
        run("predict", f"{HERE / 'filters.py'}:{name}", "--data", data, "--split", "all", "--saliency", "--out", out)
        predictions.append(out)

    print("\nReaders of the dataset beside the models, with a gallery of the breasts on which they disagree:")
    run("reader-study", "--data", data, *predictions, "--bootstrap", replicates, "--out", folder / "report")

    print("\nThe same numbers from a table, as a study outside cadkit would have it; readers are resampled, too:")
    keys = ["exam_id", "side"]
    table = pl.read_csv(data / "breasts.csv").select(
        *keys, "malignant", pl.col(r"^reader_\d+$").name.map(lambda name: name.replace("reader_", "Reader")),
        pl.col(r"^recall_\d+$").name.map(lambda name: name.replace("recall_", "Recall")),
    ).join(pl.read_csv(data / "exams.csv").select("exam_id", "patient_id"), on="exam_id")  # fmt: skip
    images = pl.read_csv(data / "images.csv").select("image_id", *keys)
    for path in predictions:
        # A breast's score is the mean of its views', as the model says of itself.
        scores = cadkit.Predictions.open(path).scores("image").join(images, on="image_id")
        pooled = scores.group_by(keys).agg(pl.col("malignant").mean().alias(f"AI_{path.name}"))
        table = table.join(pooled, on=keys, maintain_order="left")
    table.write_csv(folder / "study.csv")
    run("reader-study", folder / "study.csv", "--truth", "malignant", "--cluster", "patient_id",
        "--unit", "exam_id,side", "--readers", "Reader*", "--models", "AI_*", "--recalls", "Recall*",
        "--resample", "both", "--bootstrap", replicates, "--out", folder / "report-from-table")  # fmt: skip
    print(f"\nOpen {folder / 'report' / 'report.html'}.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
