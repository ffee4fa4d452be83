"""Commands for authors of plugins."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cadkit.cli.data import AsJson
from cadkit.cli.models import Set

if TYPE_CHECKING:
    from cadkit.plugin.describing import Description
    from cadkit.plugin.listing import Listed

app = typer.Typer(no_args_is_help=True, help="Show the settings of a plugin, write one of your own, and check any.")


def plugins(as_json: AsJson = False) -> None:
    """List installed plugins, and why some cannot be used."""
    from cadkit.cli.waiting import waiting
    from cadkit.plugin.listing import listing

    with waiting("Importing") as tell:
        rows = listing(tell)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    if not rows:
        typer.echo("No plugin is installed; for one of cadkit's own: pip install cadkit-gmic")
    _show_good([row for row in rows if row.ok])
    _show_broken([row for row in rows if not row.ok])


def _show_good(rows: list[Listed]) -> None:
    if not rows:
        return
    from cadkit.cli.tables import show

    shown = [
        {
            "plugin": f"{row.name}\n{row.package}",
            "labels": ", ".join(row.labels),
            "localizes": row.localizes or "no",
            "trained by cadkit": "yes" if row.trainable else "no need",
            "presets": ", ".join(row.presets),
            "paper": _short(row.paper),
        }
        for row in rows
    ]
    show("Plugins", shown, apart=True)
    for row in rows:
        if row.note:
            _paragraph(f"Note on {row.name}: {row.note}.")
    typer.echo("\nWhat one does, and its settings: cadkit plugin show NAME")


def _show_broken(rows: list[Listed]) -> None:
    if rows:
        typer.echo("\nInstalled, but cannot be used:")
    for row in rows:
        _paragraph(f"{row.name} ({row.package}): {row.reason.rstrip('.')}. {row.mend}")


def _short(paper: str) -> str:
    """First author and year of a reference, as far as it has them."""
    author = paper.partition(",")[0]
    years = re.findall(r"\b(?:19|20)\d\d\b", paper)
    return author if not years or years[-1] in author else f"{author} {years[-1]}"


def _paragraph(text: str, indent: str = "", hanging: str = "  ") -> None:
    """A text over the whole width of the terminal; no word is broken, so that a command in it can be copied."""
    from rich.console import Console

    width = Console().width
    lines = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
    typer.echo("\n".join(lines))


@app.command(name="show")
def show_plugin(
    plugin: Annotated[str, typer.Argument(metavar="NAME", help="A plugin, or file.py:Class.")],
    as_json: AsJson = False,
) -> None:
    """Show what a plugin does, its presets, and its settings with their defaults and meaning."""
    from cadkit.plugin.describing import describe

    about = describe(plugin)
    if as_json:
        typer.echo(json.dumps(asdict(about), indent=1))
        return
    licence = f", {about.licence}" if about.licence else ""
    typer.echo(f"{about.name} ({about.distribution} {about.version}{licence})")
    for paragraph in filter(None, about.text.split("\n\n")):
        _paragraph(" ".join(paragraph.split()), hanging="")
    typer.echo("")
    for what, value in _facts(about).items():
        _paragraph(f"{what:<12}{value}", hanging=" " * 12)
    typer.echo("\nSettings (--set NAME=VALUE):" if about.settings else "\nIt has no settings.")
    for each in about.settings:
        typer.echo("")
        _paragraph(f"{each.name} = {each.default}  ({each.kind})")
        in_presets = "; ".join(f"{preset}: {value}" for preset, value in each.presets.items())
        for text in filter(None, (each.meaning, f"Presets: {in_presets}" if in_presets else "")):
            _paragraph(text, indent="    ", hanging="    ")


def _facts(about: Description) -> dict[str, str]:
    info = about.info
    scale = "0 to 1" if info.scores == "probability" else "any scale, larger is worse"
    finds = {"marks": "marks", "saliency": "peaks of its saliency maps", "": "no"}[info.localizes]
    learns = f"yes, from {', '.join(info.learns)}" if about.trainable else "no need: it predicts as it is"
    further = {"findings": ", ".join(info.findings), "maps": ", ".join(info.maps), "paper": info.paper}
    return {
        "labels": ", ".join(info.labels),
        "scores": f"{info.scores} ({scale}), of each {info.unit}",
        "pooling": f"{info.pooling[0]} over views, {info.pooling[1]} over breasts",
        "views": ", ".join(info.views) or "all",
        "localizes": finds,
        "trained": learns,
        "presets": ", ".join(about.presets) or "none",
        **{what: text for what, text in further.items() if text},
    }


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
        for note in report.notes:
            typer.echo(f"Note: {note}")
        typer.echo(", ".join(f"{count} {outcome}" for outcome, count in report.counts.items()))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def checks(as_json: AsJson = False) -> None:
    """List the checks: what each means, and how to mend what fails it."""
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
