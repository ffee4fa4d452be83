"""Commands that make, import, check, split and prepare datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="D", help="Folder of the dataset.", show_default=False)]
Workers = Annotated[int | None, typer.Option(help="Processes; one per processor by default.", show_default=False)]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE",
        help="Spread the work over a dask cluster: tcp://host:8786, or jobs.yaml of a queue (docs/clusters.md).",
        show_default=False,
    ),
]
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
    difficulty: Annotated[
        str, typer.Option(help="easy: lesions stand out, to try the software; standard: to compare models.")
    ] = "standard",
    prevalence: Annotated[
        float | None, typer.Option(help="Share of breasts with a cancer; 0.25 by default.", show_default=False)
    ] = None,
    benign: Annotated[
        float | None, typer.Option(help="Share of breasts with a benign biopsy; 0.25 by default.", show_default=False)
    ] = None,
    screening: Annotated[
        bool, typer.Option("--screening", help="Shares as in screening: 0.5% cancers, 2% benign biopsies.")
    ] = False,
    readers: Annotated[
        int, typer.Option(min=0, help="Simulated radiologists of a reader study, beside the two of screening.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Workers = None,
    dask: Dask = None,
    preview: Annotated[bool, typer.Option("--preview", help="Also write a contact sheet, D/preview.png.")] = False,
    user_tables: Annotated[
        Path | None,
        typer.Option(help="Also write labels.csv and findings.csv as a hospital would have them.", show_default=False),
    ] = None,
) -> None:
    """Make a simulated screening population: DICOM files, truth and exact masks."""
    from cadkit.phantom import export_user_tables, make_phantom
    from cadkit.phantom import preview as draw_preview
    from cadkit.phantom.settings import asked_shares
    from cadkit.tasks import chosen

    make_phantom(
        folder,
        exams=exams,
        size=parse_size(size),
        seed=seed,
        difficulty=difficulty,
        readers=readers,
        workers=chosen(workers, dask),
        **asked_shares(prevalence, benign, screening),
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
        typer.Option(
            metavar="A/B/C|none", help="Shares of train, validation and test patients, or no split.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="Keep patient ids instead of pseudonyms.")] = False,
    shift_dates: Annotated[bool, typer.Option("--shift-dates", help="Move each patient's dates.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="An option of this importer; docs/importing.md has all."),
    ] = None,
    workers: Workers = None,
    dask: Dask = None,
) -> None:
    """Make a dataset of somebody's files; they stay where they are."""
    from cadkit.importers import Options, import_dataset
    from cadkit.plugin.config import parse_settings
    from cadkit.tasks import chosen

    report = import_dataset(
        source,
        path,
        folder,
        Options(
            labels=labels,
            findings=findings,
            split=None if shares is None else "none" if shares == "none" else parse_shares(shares),
            seed=seed,
            keep_ids=keep_ids,
            shift_dates=shift_dates,
            workers=chosen(workers, dask),
            more={key: str(value) for key, value in parse_settings(option or []).items()},
        ),
    )
    typer.echo(str(report))


def check(
    folder: Folder,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Also compare every file and prepared image with its checksum.")
    ] = False,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Look for contradictions in the tables, and for damaged files; every problem is shown at once."""
    from cadkit.data import Dataset

    _, problems = Dataset.read(folder)
    found = list(problems)
    verified = None
    if pixels:
        from cadkit.prepare.verifying import verify_pixels

        verified = verify_pixels(folder, workers=workers)
        found += verified.problems
    if as_json:
        rows = [problem.as_row() for problem in found]
        typer.echo(
            json.dumps(rows if verified is None else {"problems": rows, "verified": verified.as_row()}, indent=1)
        )
    else:
        for line in [*map(str, found), *(verified.lines() if verified else ())]:
            typer.echo(line)
        typer.echo(f"{folder}: {len(found)} problem(s)." if found else f"{folder}: no problem found.")
    if found:
        raise typer.Exit(2 if problems else 1)


def info(
    folder: Folder,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with figures.", show_default=False)
    ] = None,
) -> None:
    """Say what a dataset holds: exams, labels with intervals, views, vendors, ages, findings, what is prepared."""
    from cadkit.data.summary import summarize

    summary = summarize(folder)
    if html is not None:
        from cadkit.report.dataset_page import write_dataset_page

        written = write_dataset_page(summary, html)
        if not as_json:
            typer.echo(f"Wrote {written}.")
            return
    if as_json:
        typer.echo(json.dumps(summary.as_dict(), indent=1))
        return
    from rich.console import Console

    from cadkit.report.dataset_terminal import terminal_page

    console = Console(highlight=False)
    console.print(terminal_page(summary, console.width))


def split(
    folder: Folder,
    by: Annotated[
        str | None, typer.Option(help="random (stratified by label; the default) or date.", show_default=False)
    ] = None,
    folds: Annotated[
        int | None, typer.Option(metavar="N", help="N folds: the column fold.", show_default=False)
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="CSV of patient_id,split (or exam_id, or fold).", show_default=False
        ),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(
            metavar="A/B/C", help="Of train, validation and test: 60/20/20; 80/10/10 by date.", show_default=False
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="A label to spread over the parts; all by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the shuffling.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the split that is there.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite it even if runs or predictions were made with it.")
    ] = False,
) -> None:
    """Put every patient into train, validation or test, or into a fold: a column of exams.csv."""
    from rich.console import Console

    from cadkit.data.split_column import plan_of, write_split
    from cadkit.report.dataset_terminal import balance_table

    plan = plan_of(
        by=by,
        folds=folds,
        table=table,
        shares=None if shares is None else parse_shares(shares),
        seed=seed,
        labels=label,
    )
    report = write_split(folder, plan, replace=replace, force=force)
    Console(highlight=False).print(balance_table(report.parts, report.levels))
    typer.echo(f"Wrote the column {report.column} of {folder / 'exams.csv'}.")
    if report.kept is not None:
        typer.echo(f"The column of before is kept: cadkit split {folder} --from {report.kept} puts it back.")
    for use in report.uses:
        typer.echo(f"Made with the split of before: {use}.")
    typer.echo(f"Next: cadkit prepare {folder}")


def prepare(
    folder: Folder,
    workers: Workers = None,
    dask: Dask = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Also draw a sheet of prepared images, D/prepared.png."),
    ] = False,
) -> None:
    """Decode, crop, turn and store every image; only what is missing or changed."""
    from cadkit.prepare import prepare as run
    from cadkit.tasks import chosen

    report = run(folder, workers=chosen(workers, dask))
    typer.echo(str(report))
    if preview:
        from cadkit.prepare.preview import preview as draw_preview

        typer.echo(f"Wrote {draw_preview(folder, folder / 'prepared.png')}.")
    typer.echo(f"Next: cadkit train gmic --data {folder}")
