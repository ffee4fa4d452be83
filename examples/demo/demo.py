"""The whole way on a simulated population: phantom, prepare, train, predict, evaluate, report.

And once more its bare DICOM files, as a hospital would have them, through `cadkit import dicom`.

    python examples/demo/demo.py [FOLDER] [--exams N] [--epochs N]

Every step is a command that is shown before it runs; typed again, finished steps are not repeated.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from cadkit.phantom import EMBEDDED_SETTINGS


def run(*arguments: object) -> None:
    """Show a command and run it; the demo ends where it fails."""
    words = ["cadkit", *map(str, arguments)]
    print(f"\n$ {' '.join(words)}", flush=True)
    program = Path(sys.executable).with_name("cadkit")
    subprocess.run([str(program), *words[1:]], check=True)


def same_pixels(made: Path, imported: Path) -> int:
    """Number of images, after making sure that both datasets hold the same prepared pixels and truth.

    The importer gives its own names, so images are paired by the file that they come from.
    """
    stores = [pl.read_csv(d / "store" / "index.csv", infer_schema=False) for d in (made, imported)]
    paths = pl.read_csv(imported / "sources.csv", infer_schema=False)
    names = paths.with_columns(pl.col("path").str.split("/").list.last().str.strip_suffix(".dcm").alias("made_id"))
    pairs = stores[1].join(names, on="image_id").join(stores[0], left_on="made_id", right_on="image_id", suffix="_made")
    if not (pairs.height == stores[0].height == stores[1].height):
        raise SystemExit(f"{stores[0].height} images were made, {stores[1].height} imported, {pairs.height} paired")
    wrong = pairs.filter(pl.col("pixels_checksum") != pl.col("pixels_checksum_made"))
    if wrong.height:
        raise SystemExit(f"{wrong.height} images differ, the first is {wrong['made_id'][0]}")
    truth = [
        pl.read_csv(d / "breasts.csv").select("side", "malignant", "benign").group_by(pl.all()).len().sort(pl.all())
        for d in (made, imported)
    ]
    if not truth[0].equals(truth[1]):
        raise SystemExit("the imported labels differ from those of the phantom")
    return pairs.height


def main(folder: Path, exams: int, epochs: int | None) -> None:
    """Run the demo below `folder`: so many exams, and epochs of training (those of the preset if None)."""
    started = time.monotonic()
    phantom, hospital, imported = folder / "phantom", folder / "hospital", folder / "imported"
    settings = EMBEDDED_SETTINGS
    rows, columns = settings["size"]
    size = f"{rows}x{columns}"
    print(
        f"The demo's phantom: {exams} exams of {size} pixels, difficulty {settings['difficulty']} - "
        "its lesions stand out, so that a small network learns them in minutes; it says nothing of real mammograms."
    )
    run("phantom", phantom, "--exams", exams, "--size", size, "--difficulty", settings["difficulty"],
        "--user-tables", hospital)  # fmt: skip
    run("prepare", phantom)
    if not (folder / "runs" / "gmic-1").exists():
        shorter = [] if epochs is None else ["--set", f"epochs={epochs}"]
        run("train", "gmic", "--data", phantom, "--preset", "tiny", *shorter, "--runs", folder / "runs")
    else:
        run("train", "--resume", folder / "runs" / "gmic-1")
    run("predict", folder / "runs" / "gmic-1", "--saliency", "--out", folder / "predictions")

    print("\nThe same files as a hospital has them: bare DICOM, a table of labels, a table of findings.")
    run("import", "dicom", phantom / "images", imported, "--labels", hospital / "labels.csv",
        "--findings", hospital / "findings.csv")  # fmt: skip
    run("prepare", imported)
    print(f"{same_pixels(phantom, imported)} images: the same exams, labels and prepared pixels as the phantom's.")

    run("evaluate", "--froc", "--localization", folder / "predictions", "--out", folder / "report")
    print(f"The demo took {time.monotonic() - started:.0f} s. Open {folder / 'report' / 'report.html'}")


if __name__ == "__main__":
    if shutil.which("cadkit") is None and not Path(sys.executable).with_name("cadkit").exists():
        raise SystemExit("cadkit is not installed in this Python: pip install -e . -e plugins/gmic")
    parser = argparse.ArgumentParser(description="The whole way on a simulated population.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo"), help="where everything is written")
    parser.add_argument("--exams", type=int, default=EMBEDDED_SETTINGS["exams"], help="fewer are quicker")
    parser.add_argument("--epochs", type=int, help="of training; fewer are quicker")
    given = parser.parse_args()
    main(given.folder, given.exams, given.epochs)
