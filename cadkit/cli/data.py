"""Commands that make, import, check, split and prepare datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="D", help="Folder of the dataset.", show_default=False)]
Workers = Annotated[int | None, typer.Option(help="Processes; one per processor by default.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def parse_size(text: str) -> tuple[int, int]:
    """Rows and columns of `ROWSxCOLS`."""
    from cadkit.errors import InputError

    rows, cross, columns = text.lower().partition("x")
    if not cross or not rows.isdigit() or not columns.isdigit():
        raise InputError("a size is ROWSxCOLUMNS, such as 1024x832", row="--size", value=text)
    return int(rows), int(columns)


def parse_shares(text: str) -> tuple[float, float, float]:
    """Shares of train, validation and test, as 50/20/30 or 0.5/0.2/0.3."""
    from cadkit.errors import InputError

    try:
        train, validation, test = (float(part) for part in text.replace(",", "/").split("/"))
    except ValueError:
        raise InputError("shares are three numbers, such as 60/20/20", row="--shares", value=text) from None
    return train, validation, test


def phantom(
    folder: Folder,
    exams: Annotated[int, typer.Option(min=1, help="Exams of four images each.")] = 200,
    size: Annotated[str, typer.Option(metavar="ROWSxCOLS", help="Size of every image.")] = "1024x832",
    difficulty: Annotated[str, typer.Option(help="easy: lesions stand out; standard.")] = "standard",
    malignant: Annotated[float, typer.Option(help="Share of breasts with a malignant lesion.")] = 0.25,
    benign: Annotated[float, typer.Option(help="Share of breasts with a benign lesion.")] = 0.25,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Workers = None,
    preview: Annotated[bool, typer.Option("--preview", help="Also write a contact sheet, D/preview.png.")] = False,
    user_tables: Annotated[
        Path | None,
        typer.Option(help="Also write labels.csv and findings.csv as a hospital would have them.", show_default=False),
    ] = None,
) -> None:
    """Make a simulated screening population: DICOM files, truth and exact masks."""
    from cadkit.phantom import export_user_tables, make_phantom
    from cadkit.phantom import preview as draw_preview

    make_phantom(
        folder,
        exams=exams,
        size=parse_size(size),
        seed=seed,
        difficulty=difficulty,
        malignant=malignant,
        benign=benign,
        workers=workers,
    )
    typer.echo(f"Wrote the phantom {folder}: {exams} exams, {4 * exams} images.")
    if preview:
        typer.echo(f"Wrote {draw_preview(folder, folder / 'preview.png')}.")
    if user_tables is not None:
        for path in export_user_tables(folder, user_tables):
            typer.echo(f"Wrote {path}.")
    typer.echo(f"Next: cadkit prepare {folder}")


def import_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="dicom, mias, or an installed importer.")],
    path: Annotated[Path, typer.Argument(metavar="SRC", help="What to import.", show_default=False)],
    folder: Folder,
    labels: Annotated[Path | None, typer.Option(help="CSV of labels to join.", show_default=False)] = None,
    findings: Annotated[Path | None, typer.Option(help="CSV of findings to join.", show_default=False)] = None,
    shares: Annotated[
        str | None,
        typer.Option(metavar="A/B/C", help="Shares of train, validation and test patients.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="Keep patient ids instead of pseudonyms.")] = False,
    shift_dates: Annotated[bool, typer.Option("--shift-dates", help="Move each patient's dates.")] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of this importer.")
    ] = None,
    workers: Workers = None,
) -> None:
    """Make a dataset of somebody's files; they stay where they are."""
    from cadkit.importers import Options, import_dataset
    from cadkit.plugin.config import parse_settings

    report = import_dataset(
        source,
        path,
        folder,
        Options(
            labels=labels,
            findings=findings,
            split=None if shares is None else parse_shares(shares),
            seed=seed,
            keep_ids=keep_ids,
            shift_dates=shift_dates,
            workers=workers,
            more={key: str(value) for key, value in parse_settings(option or []).items()},
        ),
    )
    typer.echo(str(report))


def check(folder: Folder, as_json: AsJson = False) -> None:
    """Look for contradictions in the tables; every problem is shown at once."""
    from cadkit.data import Dataset

    _, problems = Dataset.read(folder)
    if as_json:
        typer.echo(json.dumps([problem.as_row() for problem in problems], indent=1))
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{folder}: {len(problems)} problem(s)." if problems else f"{folder}: no problem found.")
    if problems:
        raise typer.Exit(2)


def info(folder: Folder, as_json: AsJson = False) -> None:
    """Say what a dataset holds: exams, breasts, images and labels by split."""
    from cadkit.data.summary import summarize

    rows = summarize(folder)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    from cadkit.cli.tables import show

    turned = [{"": what, **{str(row["split"]): row[what] for row in rows}} for what in rows[0] if what != "split"]
    show(f"{folder}", turned)


def split(
    folder: Folder,
    by: Annotated[str, typer.Option(help="random (stratified by label) or date.")] = "random",
    shares: Annotated[str, typer.Option(metavar="A/B/C", help="Shares of train, validation and test.")] = "60/20/20",
    seed: Annotated[int, typer.Option(help="Of the shuffling.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the split that is there.")] = False,
) -> None:
    """Put every patient into train, validation or test: the column `split` of exams.csv."""
    from cadkit.data.splits import write_split

    counts = write_split(folder, by, parse_shares(shares), seed, replace)
    typer.echo(f"Wrote {folder / 'exams.csv'}: " + ", ".join(f"{name} {n} exams" for name, n in counts.items()))
    typer.echo(f"Next: cadkit prepare {folder}")


def prepare(folder: Folder, workers: Workers = None) -> None:
    """Decode, crop, turn and store every image; only what is missing or changed."""
    from cadkit.prepare import prepare as run

    report = run(folder, workers=workers)
    typer.echo(str(report))
    typer.echo(f"Next: cadkit train gmic --data {folder}")
