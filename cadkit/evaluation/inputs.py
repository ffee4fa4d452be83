"""What an evaluation is given: folders, names, splits and labels, checked to fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Scored
from cadkit.evaluation.groups import Group, Grouped
from cadkit.evaluation.localizing import CHANCE
from cadkit.evaluation.population import ONE_OF_TWO, PAIR, SCREENING
from cadkit.files import refuse_file
from cadkit.prediction import Predictions
from cadkit.prediction.naming import names_of

_DRAWN = {"figures", "tables", "report.html"}  # what is drawn beside report.json


def predicted_split(predictions: Sequence[Predictions | Group]) -> str:
    """The split that all predictions were made for; test where they differ or none says it."""
    records = [member.record for one in predictions for member in members_of(one)]
    splits = {str(record["split"]) for record in records if "split" in record}
    return splits.pop() if len(splits) == 1 else "test"


def members_of(given: Predictions | Group) -> tuple[Predictions, ...]:
    """The predictions of a source: its own, or those of the runs of a group."""
    return given.members if isinstance(given, Group) else (given,)


def claim(folder: Path) -> None:
    """Refuse a folder that holds something else than a report, whole or begun, and a file in its place."""
    refuse_file(folder)
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    begun = {name for name in there if name in ("gallery", "curves") or name.endswith(".part")}
    if "report.html" in there:
        begun |= _DRAWN
    if "report.json" not in there and there - begun:
        raise InputError(
            "the folder is not empty and holds no report", file=folder, mend="Give another folder with --out."
        )


@dataclass(frozen=True)
class Models:
    """The models of an evaluation.

    Attributes:
        compared: those that were named, and the ensembles of groups, in the order given.
        groups: with their runs.
    """

    compared: list[Scored]
    groups: list[Grouped]

    @property
    def given(self) -> list[Scored]:
        """Those that stand on predictions of their own: all but the ensembles."""
        ensembles = [group.ensemble for group in self.groups]
        runs = [run for group in self.groups for run in group.members]
        return list(dict.fromkeys([*(one for one in self.compared if one not in ensembles), *runs]))

    @property
    def everyone(self) -> list[Scored]:
        """The compared models, then the runs of groups."""
        return list(dict.fromkeys([*self.compared, *self.given]))


def named(given: Sequence[Predictions | Group], data: Dataset) -> Models:
    """Models by names that differ (`cadkit.prediction.naming`).

    Raises:
        InputError: a source is given twice, or two groups have one name.
    """
    plain = [one.folder.resolve() for one in given if not isinstance(one, Group)]
    titles = [one.name for one in given if isinstance(one, Group)]
    for what, names in (("source", [str(folder) for folder in plain]), ("group", titles)):
        if len(set(names)) < len(names):
            twice = next(name for n, name in enumerate(names) if name in names[:n])
            raise InputError(f"a {what} is given twice", value=twice, mend="Leave one of them out.")
    every = {one.folder.resolve(): one for source in given for one in members_of(source)}
    every |= {one.folder.resolve(): one for one in given if not isinstance(one, Group)}  # whose name may be given
    names = names_of(list(every.values()), (CHANCE, *titles))
    scored = {place: Scored(name, one) for (place, one), name in zip(every.items(), names, strict=True)}
    compared: list[Scored] = []
    groups: list[Grouped] = []
    for source in given:
        if isinstance(source, Group):
            compared.append(Scored(source.name, source.ensemble(data)))
            groups.append(Grouped(compared[-1], [scored[one.folder.resolve()] for one in source.members]))
        else:
            compared.append(scored[source.folder.resolve()])
    return Models(compared, groups)


def usual_level(models: Sequence[Scored]) -> str:
    """The level to judge where none was asked for: the breast, or what else every model gives."""
    return next((one for one in ("breast", "exam", "image") if all(model.gives(one) for model in models)), "breast")


def labels_of(
    models: Sequence[Scored], data: Dataset, chosen: Sequence[str], population: str = SCREENING
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The labels to judge: those chosen, or all that every model scores and the dataset knows; and which are unions.

    A union is written `any=malignant|benign`; its name is what stands before the sign.

    Raises:
        InputError: there is none, or a chosen one cannot be judged.
    """
    common = [label for label in models[0].predictions.labels if all(label in m.predictions.labels for m in models)]
    columns = {*data.tables["breasts"].columns, *data.tables["exams"].columns}
    known = [label for label in common if label.partition("=")[0] in columns]
    unions = {label.partition("=")[0]: _parts(label, known) for label in chosen if "|" in label}
    default = [label for label in known if population != ONE_OF_TWO or label == PAIR[0]]
    wanted = tuple(dict.fromkeys(label.partition("=")[0] if "|" in label else label for label in chosen or default))
    unknown = [label for label in wanted if label not in known and label not in unions]
    parts = [part for label in wanted for part in unions.get(label, (label,))]
    unknown += [part for part in parts if part not in known and part not in unknown]
    if unknown or not wanted:
        raise InputError(
            "there is nothing to judge" if not wanted else f"the label {unknown[0]} cannot be judged",
            value=f"models score {', '.join(common) or 'none'}; the dataset has {', '.join(data.meta.labels)}",
            mend="Choose with --label one that every model scores and the dataset knows.",
        )
    if population == ONE_OF_TWO and (wanted != PAIR[:1] or PAIR[1] not in known):
        raise InputError(
            f"judges malignant against benign, both of which every model must score (scored: {', '.join(common)})",
            row=f"--population {ONE_OF_TWO}",
            value=", ".join(wanted),
        )
    # The label that matters most stands first in every table.
    return tuple(sorted(wanted, key=lambda label: (label != "malignant", wanted.index(label)))), unions


def _parts(union: str, known: Sequence[str]) -> tuple[str, ...]:
    name, sign, given = union.partition("=")
    parts = tuple(given.split("|"))
    if not name or not sign or "" in parts or len(set(parts)) < len(parts):
        raise InputError("a union is written as any=malignant|benign", row="--label", value=union)
    if name in known:
        raise InputError(
            f"{name} is a label of its own", row="--label", value=union, mend="Give the union another name."
        )
    return parts
