"""The command that draws the population of a reader study."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cadkit.cli.data import AsJson, Folder


def population(
    folder: Folder,
    name: Annotated[str, typer.Option(help="By which `cadkit evaluate --population` calls it.")] = "reader-study",
    biopsied: Annotated[int, typer.Option(min=0, help="Exams with a biopsied breast.")] = 368,
    unmatched: Annotated[int, typer.Option(min=0, help="Exams without a biopsy.")] = 372,
    practice: Annotated[int, typer.Option(min=0, help="Of both together, left out of the analysis.")] = 20,
    split: Annotated[str, typer.Option(help="Whose exams: train, validation, test or all.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite another list of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw a reader study's exams, biopsied and not, as a list that `cadkit evaluate --population` takes."""
    from cadkit.evaluation.reader_population import StudyDraw, draw_population

    plan = StudyDraw(biopsied, unmatched, practice, split, seed)
    drawn = draw_population(folder, name, plan, force=force)
    counts = {"exams": drawn.table.height - practice, "breasts": drawn.breasts, **drawn.positives}
    if as_json:
        typer.echo(json.dumps({"file": str(drawn.path), "read": counts, "practice": practice, "there": drawn.there}))
        return
    typer.echo(
        f"Drew {biopsied:,} of {drawn.there['biopsied']:,} biopsied and {unmatched:,} of "
        f"{drawn.there['unmatched']:,} other exams of the split {split}; {practice:,} of them are for practice."
    )
    if drawn.unknown:
        typer.echo(f"Left out: {drawn.unknown:,} exams of unknown biopsy.")
    positives = ", ".join(f"{count:,} {label}" for label, count in drawn.positives.items())
    typer.echo(f"To be read: {counts['exams']:,} exams of {drawn.breasts:,} breasts ({positives}).")
    typer.echo(f"Wrote {drawn.path}. Next: cadkit evaluate --population {name}")
