"""The commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from cadkit.cli import about, combining, comparing, data, models, plugin, populations, reader_study, results

app = typer.Typer(
    name="cadkit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Mammography CAD: from a folder of DICOM files to a table in a paper. Begin with `cadkit train gmic` "
    "and `cadkit evaluate --froc` in an empty folder.",
    epilog="Every command can be stopped and typed again. --debug shows a traceback.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from cadkit import __version__

        typer.echo(f"cadkit {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Options of every command."""


for panel, functions in (
    ("Data", (data.phantom, data.import_, data.check, data.info, data.split, data.prepare, populations.population)),
    ("Models", (models.train, models.predict, combining.combine, plugin.plugins, models.runs)),
    ("Results", (results.evaluate, comparing.compare, reader_study.reader_study, results.report)),
    ("This installation", (about.doctor,)),
):
    for function in functions:
        app.command(name=function.__name__.rstrip("_").replace("_", "-"), rich_help_panel=panel)(function)
app.add_typer(plugin.app, name="plugin", rich_help_panel="Models")
