"""A reader study of a dataset: predictions joined with the reader columns of its breasts.

A dataset keeps its readers in `breasts.csv`: `reader_*` holds scores, `recall_*` binary reads. `reader_screen_*` are
the readers of screening, who score 1 to 5: they are no part of a study unless they are asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Scored, choose, level_scores
from cadkit.evaluation.gallery import pictured
from cadkit.evaluation.inputs import claim, named, predicted_split
from cadkit.evaluation.schema import Case, Report
from cadkit.evaluation.sources import Source
from cadkit.prediction.sources import dataset_for, predictions_of
from cadkit.prepare import open_dataset
from cadkit.reader_study.columns import Roles, roles
from cadkit.reader_study.scales import on_scale
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.study import judge_study, validation_of
from cadkit.reader_study.wide import FloatArray, Study, refuse

READERS, RECALLS = "reader_*", "recall_*"
_SCREENING = "reader_screen_"
_TABLE = "breasts.csv"


def study_dataset(
    sources: Sequence[str],
    folder: str | Path | None,
    settings: StudySettings,
    *,
    data: str | Path | None = None,
    split: str = "",
    device: str = "auto",
    command: str = "",
) -> tuple[Report, Path]:
    """Judge readers of a dataset, models on the same breasts, and both together.

    Args:
        sources: prediction folders, runs (which predict first) or score tables of the dataset; `NAME=PATH` names one.
        folder: of the report; `report/readers-<dataset>-<split>` by default.
        settings: `truth` is the label; models and cluster are those of the sources and the patients.
        data: the dataset; that of the first source by default.
        split: whose exams; that of the predictions by default.
        device: of runs that predict first.
        command: what the user typed.

    Raises:
        InputError: the dataset has no readers, a read is missing, or sources and dataset do not fit together.
    """
    settings.check()
    dataset = open_dataset(dataset_for(sources, data))
    wanted = [Source.parse(one) for one in sources]
    several = next((one for one in wanted if len(one.paths) > 1), None)
    if several is not None:
        raise InputError(
            "a model of a reader study is one prediction", value=",".join(several.paths),
            mend="Average them first: `cadkit combine RUN RUN --out P`.",
        )  # fmt: skip
    predictions = [
        predictions_of(one.paths[0], dataset, split=split or "test", saliency=True, device=device) for one in wanted
    ]
    split = split or (predicted_split(predictions) if predictions else "test")
    models = named(predictions, dataset).compared if predictions else []
    models = [Scored(one.name or scored.name, scored.predictions) for one, scored in zip(wanted, models, strict=True)]
    where = Path(folder) if folder is not None else Path("report") / f"readers-{dataset.meta.name}-{split}"
    claim(where)
    chosen = choose(dataset, split, models)
    study, ids = join(chosen, models, settings)
    cases = _disagreements(where, chosen, models, study, ids, settings)
    return judge_study(study, where, settings, command=command, cases=cases), where


def join(chosen: Chosen, models: Sequence[Scored], settings: StudySettings) -> tuple[Study, list[tuple[str, str]]]:
    """The study of a cohort, and the (exam_id, side) of its breasts.

    Breasts that no reader read are no part of the study; one that some read and others did not is an error.
    """
    label, data = settings.truth, chosen.data
    frame = data.tables["breasts"].with_row_index("row")
    found = _roles(frame.columns, settings, [model.name for model in models], data)
    place = {(exam, side): row for row, exam, side in frame.select("row", "exam_id", "side").iter_rows()}
    if label not in data.meta.labels:
        raise InputError(
            "there is no such label", file=data.folder, row="--label", value=label,
            mend=f"The labels are {', '.join(data.meta.labels)}.",
        )  # fmt: skip
    tables = [level_scores(model, chosen, "breast") for model in models]
    read = np.any([frame[name].is_not_null().to_numpy() for name in found.readers], axis=0)
    rows, ids, truth, patients, unknown = [], [], [], [], []
    for identity, breast in chosen.units("breast"):
        row = place.get(identity)
        if row is None or not read[row] or not all(label in table.get(identity, {}) for table in tables):
            continue
        value = chosen.truth(breast, label)
        if np.isnan(value):
            unknown.append("/".join(identity))
            continue
        rows.append(row)
        ids.append(identity)
        truth.append(value == 1)
        patients.append(chosen.cluster_of(breast))
    if not any(truth) or all(truth):
        raise InputError(
            f"{len(rows)} breasts were read by readers and scored by every model, {sum(truth)} of them {label}",
            file=data.folder, mend="A reader study needs breasts with and without it; choose another --split.",
        )  # fmt: skip
    study = Study(
        name=data.meta.name,
        truth=np.array(truth),
        cluster=np.array(patients, dtype=str),
        readers={name: _column(data, frame, name, rows) for name in found.readers},
        models={
            model.name: np.array([table[one][label] for one in ids])
            for model, table in zip(models, tables, strict=True)
        },
        recalls={reader: _column(data, frame, name, rows, binary=True) == 1 for reader, name in found.recalls.items()},
        units=tuple("/".join(one) for one in ids),
        unknown=tuple(unknown),
        level="breast",
        aside=_aside(frame.columns, settings),
        inputs=(
            {"kind": "dataset", "name": data.meta.name, "fingerprint": data.fingerprint},
            *({"kind": "predictions", "name": m.name, "fingerprint": ""} for m in models),
        ),
    )
    return study, ids


def _roles(columns: Sequence[str], settings: StudySettings, models: Sequence[str], data: Dataset) -> Roles:
    """Readers and their recalls; by default all readers but those of screening, and the recalls of those chosen."""
    file, aside = data.folder / _TABLE, _aside(columns, settings)
    others = ["row", "exam_id", "side", settings.truth]
    if settings.readers == (READERS,) and not any(_has(READERS, one) for one in columns if one not in aside):
        raise InputError(
            "the dataset has no readers" + (" but those of screening" if aside else ""), file=file,
            value=", ".join(columns),
            mend=f"Take them with --readers '{_SCREENING}*'." if aside else
            "Add a column reader_NAME of scores for each, and recall_NAME for binary reads; the phantom has some "
            "with `cadkit phantom D --readers 14`.",
        )  # fmt: skip
    offered = [one for one in columns if one not in aside]
    if settings.recalls == (RECALLS,):
        found = roles(offered, settings.readers, (), (), others, file)
        recall_of = {one.casefold(): one for one in columns if _has(RECALLS, one)}
        own = {one: f"recall_{one.casefold().removeprefix('reader_')}" for one in found.readers}
        known = {reader: recall_of[name] for reader, name in own.items() if name in recall_of}
        lonely = [one for one in found.readers if one not in known]
        if known and lonely:
            raise InputError("the reader has no recall", file=file, row="header", value=lonely[0],
                             mend="Add its column, or leave the reader out with --readers.")  # fmt: skip
        found = replace(found, recalls=known)
    else:
        found = roles(offered, settings.readers, (), settings.recalls, others, file)
    clash = next((name for name in models if name in found.readers), None)
    if clash is not None:
        raise InputError("a model has the name of a reader", value=clash, mend="Give it another as NAME=PATH.")
    return found


def _aside(columns: Sequence[str], settings: StudySettings) -> tuple[str, ...]:
    """The readers of screening, where readers are those of the default."""
    if settings.readers != (READERS,):
        return ()
    return tuple(one for one in columns if one.casefold().startswith(_SCREENING))


def _has(pattern: str, column: str) -> bool:
    return column.casefold().startswith(pattern.removesuffix("*"))


def _column(data: Dataset, frame: pl.DataFrame, name: str, rows: Sequence[int], binary: bool = False) -> FloatArray:
    """Numbers of a column in these rows; a gap or a text is refused by its row."""
    text = frame[name].cast(pl.String)
    values = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    kept = np.zeros(len(values), dtype=np.bool_)
    kept[list(rows)] = True
    file = data.folder / _TABLE
    what = "recall" if binary else "read"
    refuse(
        file, text, kept & text.is_null().to_numpy(), f"the {what} {name} is missing of a breast that others read",
        "Complete it, empty the breast's other reads, or leave the reader out with --readers.",
    )  # fmt: skip
    bad = ~np.isin(values, (0.0, 1.0)) if binary else ~np.isfinite(values)
    refuse(file, text, kept & bad, f"the {what} {name} is not " + ("0 or 1" if binary else "a finite number"), "")
    chosen: FloatArray = values[list(rows)]
    return chosen


def _disagreements(
    folder: Path,
    chosen: Chosen,
    models: Sequence[Scored],
    study: Study,
    ids: Sequence[tuple[str, str]],
    settings: StudySettings,
) -> list[Case]:
    """The breasts on which a model and the readers' mean differ most, both ways (Wu et al. 2019, error analysis)."""
    if not settings.cases:
        return []
    scaled = on_scale(study, settings.scale, validation_of(study, settings))
    mean = scaled.reads().mean(axis=0)
    place = {one: number for number, one in enumerate(ids)}
    cases: list[Case] = []
    for model in models:
        gap = scaled.models[model.name] - mean
        order = np.argsort(-gap, kind="stable")
        picked = [("higher by the model", n, ids[i]) for n, i in enumerate(order[: settings.cases], 1) if gap[i] > 0]
        last = order[::-1][: settings.cases]
        picked += [("higher by the readers", n, ids[i]) for n, i in enumerate(last, 1) if gap[i] < 0]
        for case in pictured(folder, model, chosen, settings.truth, picked):
            case["note"] = _both_scores(study, model.name, place[case["exam_id"], case["side"]])
            cases.append(case)
    return cases


def _both_scores(study: Study, model: str, place: int) -> str:
    """`GMIC 0.90, readers' mean 0.12 (0.00 to 0.30), recalled by 2 of 14`."""
    reads = study.reads()[:, place]
    text = (
        f"{model} {study.models[model][place]:.3g}, readers' mean {reads.mean():.3g} "
        f"({reads.min():.3g} to {reads.max():.3g})"
    )
    if study.recalls:
        text += f", recalled by {int(study.recalled()[:, place].sum())} of {len(reads)}"
    return text
