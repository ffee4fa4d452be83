"""Commands that train models, run them, and list them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cadkit.cli.data import AsJson

if TYPE_CHECKING:
    from cadkit.prediction import Predictions

Data = Annotated[Path | None, typer.Option("--data", metavar="D", help="Dataset folder.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model; see `cadkit plugin show PLUGIN`."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
EMBEDDED = Path("phantom")
_PROGRAM: dict[str, Any] = {"rich_help_panel": "With --command"}


def embedded_phantom() -> Path:
    """The phantom of `./phantom`, made and prepared at first use, said on the first line."""
    from cadkit.phantom import EMBEDDED_SETTINGS, make_phantom
    from cadkit.prepare import prepare

    if not (EMBEDDED / "dataset.toml").exists():
        exams, (rows, columns) = EMBEDDED_SETTINGS["exams"], EMBEDDED_SETTINGS["size"]
        difficulty = EMBEDDED_SETTINGS["difficulty"]
        typer.echo(
            f"No --data given: making cadkit's embedded phantom in ./{EMBEDDED} "
            f"({exams} simulated exams of {rows}x{columns} pixels, difficulty {difficulty})."
        )
        typer.echo("For your own images: cadkit import dicom FOLDER D; cadkit prepare D; cadkit train gmic --data D")
        make_phantom(EMBEDDED, **EMBEDDED_SETTINGS)
    else:
        typer.echo(f"No --data given: taking the phantom in ./{EMBEDDED}.")
    report = prepare(EMBEDDED)
    if report.done:
        typer.echo(str(report))
    return EMBEDDED


def train(
    plugin: Annotated[str | None, typer.Argument(metavar="PLUGIN", help="See `cadkit plugins`.")] = None,
    data: Data = None,
    preset: Annotated[str | None, typer.Option(help="A preset of the model.", show_default=False)] = None,
    set_: Set = None,
    config: Annotated[Path | None, typer.Option(help="A config.toml of another run.", show_default=False)] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run.", show_default=False)] = None,
    init_from: Annotated[
        list[str] | None,
        typer.Option("--init-from", metavar="RUN|FILE|torchvision:NAME", help="Begin with these weights."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Device = "auto",
    gpus: Annotated[int | None, typer.Option(min=1, help="Train on so many GPUs of this machine.")] = None,
) -> None:
    """Train a model. Without --data, on the embedded phantom."""
    from cadkit.errors import InputError
    from cadkit.plugin import Run
    from cadkit.plugin.config import parse_settings
    from cadkit.training.running import configured
    from cadkit.training.running import train as run_training

    if (plugin is None) == (resume is None):
        raise InputError("give either a plugin or --resume RUN", mend="For instance `cadkit train gmic`.")
    settings = parse_settings(set_ or [])
    if init_from:
        settings["init_from"] = tuple(init_from)
    if data is None and plugin is not None:
        preset = preset or ("tiny" if config is None else None)
        configured(plugin, preset, settings, config)  # a wrong word is said before a phantom is made
        data = embedded_phantom()
    was_complete = resume is not None and Run.open(resume).complete
    run = run_training(
        plugin,
        data,
        preset=preset,
        settings=settings,
        config_file=config,
        runs_folder=runs,
        resume=resume,
        seed=seed,
        device=device,
        gpus=gpus,
    )
    if run is not None:
        done = f"{run.folder} is complete: nothing was done."
        typer.echo(done if was_complete else f"Wrote the run {run.folder}.")
        typer.echo(f"Next: cadkit evaluate --froc {run.folder}")


def predict(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN|PLUGIN...]", help="Run folders, or plugins.")
    ] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all.")] = "test",
    saliency: Annotated[bool, typer.Option("--saliency", help="Write saliency maps too.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="P", help="Folder to write.", show_default=False)] = None,
    preset: Annotated[
        str | None, typer.Option(help="A preset of a plugin that is not trained.", show_default=False)
    ] = None,
    set_: Set = None,
    device: Device = "auto",
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="Ask again where a program failed, for passing faults; with a changed program give --out.",
        ),
    ] = False,
    command: Annotated[
        str,
        typer.Option(
            help="Any program instead: './model --in {exams} --out {predictions}'.", show_default=False, **_PROGRAM
        ),
    ] = "",
    format: Annotated[
        Literal["dicom", "png16"], typer.Option(help="What the program reads: pseudonymous files, or PNGs.", **_PROGRAM)
    ] = "dicom",
    label: Annotated[
        list[str] | None, typer.Option(help="Label that it scores; may be repeated.", show_default=False, **_PROGRAM)
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Its scores are probabilities.", **_PROGRAM)
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds an exam.", **_PROGRAM)] = 600,
    jobs: Annotated[int, typer.Option(min=1, help="Starts at the same time.", **_PROGRAM)] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Exams a start.", **_PROGRAM)] = 1,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Go on where it fails on each of the first exams.", **_PROGRAM)
    ] = False,
) -> None:
    """Run models over exams: scores, marks and maps at image, breast and exam level."""
    from cadkit.errors import InputError
    from cadkit.plugin.config import parse_settings
    from cadkit.prediction import predict_with

    if bool(sources) == bool(command):
        raise InputError("give either runs or plugins, or --command", mend="For instance `cadkit predict runs/gmic-1`.")
    if command:
        if data is None or saliency or set_ or preset:
            raise InputError(
                "--command takes --data, and neither --saliency, --preset nor --set", row="--command", value=command
            )
        from cadkit.prediction.command import predict_command

        _told(
            predict_command(
                command,
                data,
                split=split,
                out=out,
                labels=label or (),
                scores="probability" if probability else "risk",
                format=format,
                timeout=timeout,
                jobs=jobs,
                batch=batch,
                retry_failed=retry_failed,
                keep_going=keep_going,
            )
        )
        return
    sources = sources or []
    if out is not None and len(sources) > 1:
        raise InputError("--out takes one model", row="--out", mend="Leave it out, or predict one at a time.")
    for source in sources:
        made = predict_with(
            source,
            data=data,
            split=split,
            saliency=saliency,
            out=out,
            preset=preset,
            settings=parse_settings(set_ or []),
            device=device,
            retry_failed=retry_failed,
        )
        _told(made)


def _told(made: Predictions) -> None:
    left_out = made.skipped()["level"].to_list().count("exam")
    skipped = f" ({left_out} skipped: {made.folder}/skipped.csv)" if left_out else ""
    exams = f"{made.record['exams']} exams{skipped}"
    done = f"{made.folder} is complete: nothing was done. It has {exams}."
    typer.echo(done if made.was_complete else f"Wrote {made.folder}: {exams}.")
    if failed := made.record.get("failed"):
        typer.echo(
            f"A program failed on {failed} of them. For passing faults, add --retry-failed to the command: these are "
            "asked again; with a changed program, give --out."
        )
    for note in made.notes:
        typer.echo(f"Warning: {note}.", err=True)
    # An FROC of maps needs maps, which are only there if they were asked for.
    flag = " --froc" if made.localizes == "marks" or made.has_saliency else ""
    typer.echo(f"Next: cadkit evaluate{flag} {made.folder}")
    if made.localizes == "saliency" and not made.has_saliency:
        typer.echo(
            "An FROC and localization need maps, which were not asked for: "
            f"the same command with --saliency --out {made.folder}-maps writes them."
        )


def runs(
    folder: Annotated[Path, typer.Argument(help="Folder of the runs.")] = Path("runs"), as_json: AsJson = False
) -> None:
    """List the runs of a folder."""
    from cadkit.plugin import Run

    found = [Run.open(path.parent) for path in sorted(folder.glob("*/run.toml"))]
    rows = [
        {
            "run": str(run.folder),
            "plugin": run.record.get("plugin"),
            "preset": run.record.get("preset", ""),
            "dataset": Path(str(run.record.get("dataset", ""))).name,
            "state": run.record.get("state"),
            "created": run.record.get("created"),
        }
        for run in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    from cadkit.cli.tables import show

    show("Runs" if rows else f"No run in {folder}.", rows)
