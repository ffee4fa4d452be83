"""The command that makes one prediction of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cadkit.cli.models import Data, Device


def combine(
    sources: Annotated[
        list[str], typer.Argument(metavar="RUN|PREDICTIONS|TABLE...", help="At least two, of one dataset and split.")
    ],
    out: Annotated[Path, typer.Option(metavar="P", help="Folder to write.", show_default=False)],
    weights: Annotated[
        str, typer.Option(metavar="W,W,...", help="One for each, made to sum to one.", show_default="equal")
    ] = "",
    fit_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALIDATION",
            help="Run or predictions of the validation split on which the weights are fitted; once for every source.",
        ),
    ] = None,
    fit_label: Annotated[str, typer.Option(help="With --fit-on: whose AUC.")] = "malignant",
    name: Annotated[str, typer.Option(help="Of the combination.", show_default="the folder's")] = "",
    data: Data = None,
    split: Annotated[str, typer.Option(help="That runs predict first.", show_default="test")] = "",
    saliency: Annotated[bool, typer.Option("--saliency", help="Runs that predict first write maps, too.")] = False,
    merge_iou: Annotated[float, typer.Option(help="Boxes of two models that overlap so much are one mark.")] = 0.1,
    merge_mm: Annotated[float, typer.Option(help="Points of two models so near each other are one mark.")] = 10.0,
    device: Device = "auto",
) -> None:
    """Average models: weighted mean of their scores, marks merged, maps averaged; a prediction folder as any other."""
    from cadkit.prediction import Merging, combine_sources

    chosen = _weights(weights)
    if fit_on:
        chosen = _fitted(sources, fit_on, chosen, data, fit_label, device)
    made = combine_sources(
        sources, out, data=data, split=split, weights=chosen, name=name, rule=Merging(merge_iou, merge_mm),
        saliency=saliency, device=device,
    )  # fmt: skip
    for part in made.record["parts"]:
        typer.echo(f"{part['weight']:.4g}  {part['name']}")
    for level, unit, reason in made.skipped().iter_rows():
        if level == "warning":
            typer.echo(f"Warning: {unit}: {reason}.")
    skipped = int((made.skipped()["level"] == "exam").sum())
    left = f", {skipped} of them skipped" if skipped else ""
    typer.echo(f"Wrote {made.folder}: {made.record['exams']} exams{left}; labels {', '.join(made.labels)}.")
    typer.echo(
        f"Next: cadkit evaluate{' --froc' if made.localizes == 'marks' or made.has_saliency else ''} {made.folder}"
    )


def _fitted(
    sources: list[str], validation: list[str], weights: list[float] | None, data: Path | None, label: str, device: str
) -> list[float]:
    from cadkit.errors import InputError
    from cadkit.reader_study.weights import fitted_weights

    if weights is not None or len(validation) != len(sources):
        raise InputError(
            "is given once for every source, in their order, and without --weights", row="--fit-on",
            value=", ".join(validation),
        )  # fmt: skip
    return fitted_weights(validation, data=data, label=label, device=device)


def _weights(text: str) -> list[float] | None:
    from cadkit.errors import InputError

    try:
        return [float(part) for part in text.split(",")] if text else None
    except ValueError:
        raise InputError("takes numbers separated by commas", row="--weights", value=text) from None
