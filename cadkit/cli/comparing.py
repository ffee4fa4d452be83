"""The command that compares the score columns of a table."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cadkit.cli.data import AsJson


def compare(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV with a row per case.", show_default=False)],
    truth: Annotated[str, typer.Option(metavar="COLUMN", help="Column of 0 and 1; empty is unknown.")],
    scores: Annotated[str, typer.Option(metavar="A,B", help="Columns to compare; larger is more suspicious.")] = "",
    cluster: Annotated[str | None, typer.Option(metavar="COLUMN", help="Patients.", show_default=False)] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=A,B,...", help="Runs of one model: mean, sd and ensemble; may be repeated."),
    ] = None,
    by: Annotated[str, typer.Option(help="Subgroups: columns, bins as in age:40/50/70.", show_default=False)] = "",
    metrics: Annotated[str, typer.Option(help="Only these metrics.", show_default="all that apply")] = "",
    sensitivity_at: Annotated[
        str, typer.Option(help="Sensitivities to operate at: specificity there.", show_default=False)
    ] = "",
    specificity_at: Annotated[
        str, typer.Option(help="Specificities to operate at: sensitivity there.", show_default=False)
    ] = "",
    interpolate: Annotated[bool, typer.Option("--interpolate", help="Read the ROC polygon, too.")] = False,
    partial_auc: Annotated[
        str, typer.Option(metavar="RANGES", help="Areas of parts of the ROC, as specificity:0.8-1.", show_default=False)
    ] = "",
    threshold: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]VALUE", help="Positive from this score on; may be repeated.")
    ] = None,
    threshold_from: Annotated[
        Path | None, typer.Option(metavar="VALIDATION", help="A table to lock thresholds on.", show_default=False)
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Re-weigh ppv, npv and recall rate to it.", show_default=False)
    ] = None,
    primary: Annotated[str, typer.Option(metavar="A:B[:METRIC]", help="The one comparison not adjusted; of auc.")] = "",
    margin: Annotated[float | None, typer.Option(help="Of non-inferiority, one-sided.", show_default=False)] = None,
    permutations: Annotated[int, typer.Option(min=0, help="Of a permutation test; 0 for none.")] = 0,
    risk: Annotated[bool, typer.Option("--risk", help="The scores are no probabilities.")] = False,
    bootstrap: Annotated[int, typer.Option(min=0, help="Replicates; patients are resampled; 0 for none.")] = 2000,
    interval: Annotated[Literal["percentile", "bca"], typer.Option(help="Kind of bootstrap interval.")] = "percentile",
    stratify: Annotated[bool, typer.Option("--stratify", help="Resample patients with and without a 1 apart.")] = False,
    ci: Annotated[float, typer.Option(help="Confidence level, as 0.95.")] = 0.95,
    auc_interval: Annotated[
        Literal["plain", "logit"], typer.Option(help="DeLong's intervals of the AUC: plain, or on the logit scale.")
    ] = "plain",
    seed: Annotated[int, typer.Option(min=0, help="Of all resampling.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the report.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the score columns of a table: metrics, paired tests, subgroups; a table here and a report to open."""
    from cadkit.evaluation import CompareSettings, compare_columns
    from cadkit.report import compared_tables, write_report

    settings = CompareSettings.parse(
        truth=truth, scores=scores, cluster=cluster, groups=groups or [], by=by, metrics=metrics,
        sensitivity_at=sensitivity_at, specificity_at=specificity_at, interpolate=interpolate,
        partial_auc=partial_auc, thresholds=threshold or [], threshold_from=threshold_from, prevalence=prevalence,
        primary=primary, margin=margin, permutations=permutations, risk=risk, bootstrap=bootstrap, interval=interval,
        stratify=stratify, ci=ci, seed=seed, auc_interval=auc_interval,
    )  # fmt: skip
    folder = out or Path("report") / table.stem
    found = compare_columns(table, folder, settings, command=shlex.join(["cadkit", *sys.argv[1:]]))
    page = write_report(folder)
    if as_json:
        typer.echo(json.dumps({"results": found["results"], "comparisons": found["comparisons"]}, indent=1))
        return
    from rich.console import Console

    Console().print(compared_tables(found))
    typer.echo(f"Wrote {folder / 'report.json'} and {page}")
