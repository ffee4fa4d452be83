"""The command of reader studies."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cadkit.cli.data import AsJson
from cadkit.cli.models import Data, Device

if TYPE_CHECKING:
    from cadkit.evaluation.schema import Report

_WIDE, _LONG, _BOTH = "Readers and models side by side", "Readers in modalities (MRMC)", "Both"


def reader_study(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE|PREDICTIONS...]",
            help="A table with a row per breast (with --readers), a long table or .imrmc file of readings, or with "
            "--data predictions of a dataset that has readers.",
        ),
    ] = None,
    readers: Annotated[
        str, typer.Option(help="Columns of readers' scores, as 'Reader*'.", rich_help_panel=_WIDE, show_default=False)
    ] = "",
    models: Annotated[
        str,
        typer.Option(help="Columns of models' scores, as 'AI_*'.", rich_help_panel=_WIDE, show_default=False),
    ] = "",
    recalls: Annotated[
        str, typer.Option(help="Columns of binary reads, as 'Recall*'.", rich_help_panel=_WIDE, show_default=False)
    ] = "",
    truth: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of 0 and 1.", rich_help_panel=_BOTH, show_default=False)
    ] = "",
    cluster: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Cases, which are resampled.", rich_help_panel=_BOTH, show_default=False),
    ] = None,
    unit: Annotated[
        str, typer.Option(metavar="A,B", help="Columns that name a row.", rich_help_panel=_WIDE, show_default=False)
    ] = "",
    weight: Annotated[
        float, typer.Option("--lambda", help="The reader's share in hybrids.", rich_help_panel=_WIDE)
    ] = 0.5,
    scale: Annotated[
        Literal["as-is", "rank", "calibrated"], typer.Option(help="Scores that are added.", rich_help_panel=_WIDE)
    ] = "as-is",
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="To calibrate scores and fit weights of models on.",
            rich_help_panel=_WIDE,
            show_default=False,
        ),
    ] = None,
    ensemble: Annotated[
        str,
        typer.Option(
            metavar="A,B,C",
            help="Models whose weighted sums are swept.",
            rich_help_panel=_WIDE,
            show_default="two or three models",
        ),
    ] = "",
    step: Annotated[float, typer.Option(help="Of the weights of models.", rich_help_panel=_WIDE)] = 0.02,
    resample: Annotated[
        Literal["cases", "readers", "both"], typer.Option(help="What intervals resample.", rich_help_panel=_WIDE)
    ] = "cases",
    bootstrap: Annotated[int, typer.Option(min=0, help="Replicates; 0 for none.", rich_help_panel=_WIDE)] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of all resampling.", rich_help_panel=_WIDE)] = 0,
    data: Data = None,
    label: Annotated[str, typer.Option(help="With --data: the label.", rich_help_panel=_WIDE)] = "malignant",
    split: Annotated[
        str, typer.Option(help="With --data.", rich_help_panel=_WIDE, show_default="that of the predictions")
    ] = "",
    gallery: Annotated[
        int, typer.Option(min=0, help="With --data: disagreements shown each way.", rich_help_panel=_WIDE)
    ] = 6,
    device: Device = "auto",
    marks: Annotated[
        Path | None,
        typer.Option(help="Marks: reader, modality, case, rating, lesion.", rich_help_panel=_LONG, show_default=False),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option(help="With --marks: case, diseased.", rich_help_panel=_LONG, show_default=False)
    ] = None,
    lesions: Annotated[
        Path | None, typer.Option(help="With --marks: case, lesion, weight.", rich_help_panel=_LONG, show_default=False)
    ] = None,
    lesion_weight: Annotated[
        str, typer.Option(metavar="COLUMN", help="With --lesions: of their weights.", rich_help_panel=_LONG)
    ] = "weight",
    columns: Annotated[
        str,
        typer.Option(metavar="READER,MODALITY,CASE,RATING", help="Columns of a long table.", rich_help_panel=_LONG),
    ] = "reader,modality,case,rating",
    fom: Annotated[
        str,
        typer.Option(
            help="auc, sensitivity, afroc, wafroc, hr_auc, ...",
            rich_help_panel=_LONG,
            show_default="auc; wafroc of marks",
        ),
    ] = "",
    method: Annotated[
        Literal["or", "dbm", "bdg", "bdg-centred"],
        typer.Option(help="bdg-centred takes studies with missing reads.", rich_help_panel=_LONG),
    ] = "or",
    covariance: Annotated[
        Literal["jackknife", "delong", "unbiased"], typer.Option(help="With --method or.", rich_help_panel=_LONG)
    ] = "jackknife",
    threshold: Annotated[
        float | None, typer.Option(help="Of sensitivity and specificity.", rich_help_panel=_LONG, show_default=False)
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="READERSxCASES",
            help="Power of such a study; 12x? asks for the cases; may be repeated.",
            rich_help_panel=_LONG,
        ),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(help="With --size: the difference to show.", rich_help_panel=_LONG, show_default=False),
    ] = None,
    goal: Annotated[float, typer.Option(help="With --size: the power to reach.", rich_help_panel=_LONG)] = 0.8,
    export: Annotated[
        list[str] | None, typer.Option(metavar="imrmc|rjafroc", help="Write the study so, too.", rich_help_panel=_LONG)
    ] = None,
    ci: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level.", rich_help_panel=_BOTH)] = 0.95,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the report.", rich_help_panel=_BOTH, show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Readers, models and both together: hybrids, ensembles, consensus; or readers in modalities (MRMC)."""
    from cadkit.reader_study.asking import StudyOptions, split_at_commas

    given: dict[str, Any] = {
        "readers": readers, "models": models, "recalls": recalls, "truth": truth, "cluster": cluster, "unit": unit,
        "weight": weight, "scale": scale, "validation": validation, "ensemble": ensemble, "step": step,
        "resample": resample, "bootstrap": bootstrap, "seed": seed, "label": label, "split": split, "gallery": gallery,
        "device": device, "marks": marks, "cases": cases, "lesions": lesions, "lesion_weight": lesion_weight,
        "columns": columns, "fom": fom, "method": method, "covariance": covariance, "threshold": threshold,
        "size": tuple(size or ()), "effect": effect, "goal": goal, "export": tuple(export or ()), "ci": ci,
    }  # fmt: skip
    command = shlex.join(["cadkit", *sys.argv[1:]])
    options = StudyOptions(**split_at_commas(given))
    report, folder = options.judge(sources or [], data=data, out=out, command=command)
    _show(report, folder, as_json)


def _show(report: Report, folder: Path, as_json: bool) -> None:
    from cadkit.report import write_report
    from cadkit.report.reader_terminal import printed_study

    page = write_report(folder)
    if as_json:
        typer.echo(json.dumps({"results": report["results"], "comparisons": report["comparisons"]}, indent=1))
        return
    from rich.console import Console

    Console().print(printed_study(report))
    typer.echo(f"Wrote {folder / 'report.json'} and {page}")
