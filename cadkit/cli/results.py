"""Commands that evaluate predictions and draw reports."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cadkit.cli.data import AsJson
from cadkit.cli.models import Data, Device


def evaluate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[[NAME=]RUN|PREDICTIONS|TABLE...]",
            help="Runs, prediction folders, CSV or Parquet tables of scores; NAME=A,B,... are runs of one model. "
            "Else the newest run.",
        ),
    ] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all.", show_default="test")] = "",
    population: Annotated[
        str,
        typer.Option(
            help="screening (all), biopsied, malignant-vs-benign, a list of `cadkit population`, or a condition as in "
            '"age >= 50".'
        ),
    ] = "screening",
    level: Annotated[
        list[str] | None,
        typer.Option(
            help="image, breast, exam; may be repeated.", show_default="breast, or what the models give instead"
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Label to judge, or a union any=malignant|benign; may be repeated.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Subgroups by column,column; with edges of bins as in age:40/50/70.", show_default=False)
    ] = "",
    extra: Annotated[bool, typer.Option("--extra", help="Judge the models' further scores too.")] = False,
    views: Annotated[bool, typer.Option("--views", help="Judge CC and MLO images apart, and compare them.")] = False,
    correlations: Annotated[
        bool, typer.Option("--correlations", help="Of an exam's predictions: left and right, each label.")
    ] = False,
    froc: Annotated[bool, typer.Option("--froc", help="Sensitivity against false positives per image.")] = False,
    localization: Annotated[bool, typer.Option("--localization", help="Dice, pixel AP, coverage by ROIs.")] = False,
    hit: Annotated[
        Literal["center", "iou", "distance"] | None,
        typer.Option(help="When a mark hits a finding.", show_default="center"),
    ] = None,
    hit_threshold: Annotated[
        float | None, typer.Option(help="Of iou (0.1 by default), or of distance in mm.", show_default=False)
    ] = None,
    duplicates: Annotated[
        Literal["ignore", "fp"] | None,
        typer.Option(help="Further marks on a detected finding.", show_default="ignore"),
    ] = None,
    other_findings: Annotated[
        Literal["false", "neutral"] | None,
        typer.Option(help="Marks on findings of another label.", show_default="false"),
    ] = None,
    fp_images: Annotated[
        Literal["all", "normal", "both"] | None,
        typer.Option(help="Images whose false positives count.", show_default="all"),
    ] = None,
    froc_unit: Annotated[
        Literal["finding", "lesion", "breast", "exam"] | None,
        typer.Option(help="What sensitivity counts.", show_default="finding"),
    ] = None,
    unannotated: Annotated[
        Literal["exclude", "miss", "negative"] | None,
        typer.Option(help="Positive breasts without a finding drawn.", show_default=False),
    ] = None,
    saliency_floor: Annotated[
        float | None, typer.Option(help="Peaks of a map count above this value.", show_default="0")
    ] = None,
    saliency_nms: Annotated[
        float | None, typer.Option(help="Peaks within so many mm of a higher one are dropped.", show_default="0")
    ] = None,
    fpi: Annotated[
        str | None,
        typer.Option(help="False positives per image at which sensitivity is given.", show_default="0.25,0.5,1,2,4,8"),
    ] = None,
    fom: Annotated[
        str,
        typer.Option(
            help="With --froc: afroc, afroc1, wafroc, wafroc1, hr_auc, fpi_at_sensitivity:0.8.", show_default=False
        ),
    ] = "",
    sensitivity_at: Annotated[
        str, typer.Option(help="Specificity, and metrics at the threshold, at these sensitivities.", show_default=False)
    ] = "",
    specificity_at: Annotated[
        str, typer.Option(help="Sensitivity, and metrics at the threshold, at these specificities.", show_default=False)
    ] = "",
    threshold_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALIDATION",
            help="Run, predictions or table of the validation split that lock the thresholds; once for every model.",
        ),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="PPV, NPV and recall rate at this share of positives, too.", show_default=False)
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Read curves between operating points along straight lines.")
    ] = False,
    partial_auc: Annotated[
        str, typer.Option(metavar="RANGES", help="Areas of parts of the ROC, as specificity:0.8-1.", show_default=False)
    ] = "",
    primary: Annotated[
        str,
        typer.Option(
            metavar="A:B[:METRIC]", help="The one comparison whose p is not adjusted; of auc.", show_default=False
        ),
    ] = "",
    margin: Annotated[
        float | None, typer.Option(help="Test that a difference exceeds minus this, one-sided.", show_default=False)
    ] = None,
    permutations: Annotated[int, typer.Option(min=0, help="Of a permutation test of pairs; 0 for none.")] = 0,
    bootstrap: Annotated[int, typer.Option(min=1, help="Number of replicates.")] = 2000,
    cluster: Annotated[
        str, typer.Option(metavar="COLUMN", help="What is resampled: patient, exam, or a column of exams.csv.")
    ] = "patient",
    interval: Annotated[Literal["percentile", "bca"], typer.Option(help="Kind of bootstrap interval.")] = "percentile",
    stratify: Annotated[
        bool, typer.Option("--stratify", help="Draw patients with and without each label apart.")
    ] = False,
    ci: Annotated[float, typer.Option(help="Confidence level, as 0.95.")] = 0.95,
    auc_interval: Annotated[
        Literal["plain", "logit"], typer.Option(help="DeLong's intervals of the AUC: plain, or on the logit scale.")
    ] = "plain",
    seed: Annotated[int, typer.Option(help="Of all resampling.")] = 0,
    cases: Annotated[int, typer.Option(min=0, help="Hits, misses and false alarms shown of each label.")] = 6,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the report.", show_default=False)] = None,
    runs: Annotated[Path, typer.Option(help="Where the newest run is looked for.")] = Path("runs"),
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Judge models: AUC, PRAUC, FROC, localization, with intervals; a table here and a report to open."""
    from cadkit.evaluation import FrocRule, Settings, evaluate_sources
    from cadkit.evaluation.settings import FPI
    from cadkit.report import terminal_table, write_report

    given: dict[str, Any] = {
        "hit": hit,
        "threshold": hit_threshold,
        "duplicates": duplicates,
        "other_findings": other_findings,
        "fp_images": fp_images,
        "unit": froc_unit,
        "unannotated": unannotated,
        "floor": saliency_floor,
        "nms_mm": saliency_nms,
    }
    rates = FPI if fpi is None else _numbers(fpi, "--fpi")
    given = {name: value for name, value in given.items() if value is not None}
    if not froc:
        _refuse_rules({**given, **({} if fpi is None else {"fpi": fpi})})
    settings = Settings(
        split=split,
        population=population,
        levels=tuple(level or ()),
        labels=tuple(label or ()),
        by=_words(by),
        sensitivity_at=_numbers(sensitivity_at, "--sensitivity-at"),
        specificity_at=_numbers(specificity_at, "--specificity-at"),
        prevalence=prevalence,
        interpolate=interpolate,
        partial_auc=_words(partial_auc),
        primary=primary,
        margin=margin,
        permutations=permutations,
        extra=extra,
        froc=FrocRule(**given) if froc else None,
        fpi=rates,
        fom=_words(fom),
        localization=localization,
        views=views,
        correlations=correlations,
        bootstrap=bootstrap,
        cluster=cluster,
        interval=interval,
        stratify=stratify,
        ci=ci,
        seed=seed,
        cases=cases,
        auc_interval=auc_interval,
    )
    command = shlex.join(["cadkit", *sys.argv[1:]])
    report, folder = evaluate_sources(
        sources or [],
        data=data,
        out=out,
        runs=runs,
        settings=settings,
        device=device,
        command=command,
        validation=threshold_from or [],
        tell=lambda sentence: typer.echo(sentence, err=True),
    )
    page = write_report(folder)
    if as_json:
        typer.echo(json.dumps(report["results"], indent=1))
        return
    from rich.console import Console

    Console().print(terminal_table(report))
    typer.echo(f"Wrote {page}")


_OF_RULE = {"threshold": "hit-threshold", "unit": "froc-unit", "floor": "saliency-floor", "nms_mm": "saliency-nms"}


def _refuse_rules(given: dict[str, Any]) -> None:
    """Options of an FROC where none is asked for."""
    from cadkit.errors import InputError

    for name, value in given.items():
        option = "--" + _OF_RULE.get(name, name).replace("_", "-")
        raise InputError("is of the FROC", row=option, value=value, mend="Add --froc.")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _numbers(text: str, option: str) -> tuple[float, ...]:
    from cadkit.errors import InputError

    try:
        numbers = tuple(sorted({float(part) for part in _words(text)}))
    except ValueError:
        raise InputError("takes numbers separated by commas", row=option, value=text) from None
    if numbers and not (numbers[0] > 0 and numbers[-1] < float("inf")):
        raise InputError("numbers here are finite and above 0", row=option, value=text)
    if option == "--fpi" and not numbers:
        raise InputError("takes numbers separated by commas", row=option, value=text)
    return numbers


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a report.json.", show_default=False)],
) -> None:
    """Draw the page, figures and tables of a report.json again."""
    from cadkit.report import write_report

    typer.echo(f"Wrote {write_report(folder)}")
