"""Commands for authors of plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cadkit.cli.data import AsJson
from cadkit.cli.models import Set

app = typer.Typer(no_args_is_help=True, help="Write a plugin of your own, and check any.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Such as my_model.")],
    trainable: Annotated[bool, typer.Option("--trainable", help="With a network that cadkit trains.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make it in.")] = Path(),
) -> None:
    """Make a small distribution that installs and passes its checks."""
    from cadkit.testing.new import new_plugin

    made = new_plugin(name, trainable=trainable, out=out)
    for warning in made.warnings:
        typer.echo(f"Warning: {warning}.", err=True)
    typer.echo(f"Wrote {made.folder}: {', '.join(made.files)}.")
    typer.echo(f"Next: pip install -e {made.folder}; cadkit plugin check {name}")


@app.command()
def check(
    plugin: Annotated[str, typer.Argument(metavar="NAME", help="A plugin, or file.py:Class.")],
    preset: Annotated[str | None, typer.Option(help="Of the model; tiny, if it has one.", show_default=False)] = None,
    set_: Set = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This check alone, or static, predict or train.")
    ] = None,
    train: Annotated[bool, typer.Option("--train/--no-train", help="With the checks that train it.")] = True,
    expect: Annotated[
        list[str] | None, typer.Option(metavar="ID=REASON", help="A check that the plugin is known to fail.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a plugin keeps the contract, over tiny exams drawn in memory, on the CPU."""
    from cadkit.plugin.config import parse_settings
    from cadkit.testing.checking import as_json as json_of
    from cadkit.testing.checking import check_plugin

    report = check_plugin(
        plugin,
        preset=preset,
        config=parse_settings(set_ or []),
        only=only,
        train=train,
        expected_failures=_reasons(expect or []),
        quiet=as_json,
    )
    if as_json:
        typer.echo(json_of(report))
    else:
        from cadkit.cli.tables import show

        rows = [{"check": r.id, "outcome": r.outcome, "reason": r.reason} for r in report.results]
        show(f"Checks of {plugin} with {report.settings}", rows)
        for result in report.results:
            if result.mend:
                typer.echo(f"{result.id}: {result.mend}")
        typer.echo(", ".join(f"{count} {outcome}" for outcome, count in report.counts.items()))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def checks(as_json: AsJson = False) -> None:
    """List the checks: what each means, and how to mend what fails it."""
    import json

    from cadkit.cli.tables import show
    from cadkit.testing.checking import checks as all_checks

    rows = [{"check": each.id, "what it means": each.means, "how to mend it": each.mend} for each in all_checks()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        show("Checks of a plugin", rows)


def _reasons(given: list[str]) -> dict[str, str]:
    from cadkit.errors import InputError

    reasons = {}
    for each in given:
        name, equals, reason = each.partition("=")
        if not equals or not reason.strip():
            raise InputError("--expect takes ID=REASON", row="--expect", value=each)
        reasons[name.strip()] = reason.strip()
    return reasons
