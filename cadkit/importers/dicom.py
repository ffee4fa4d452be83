"""Importing any tree of DICOM files, with a user's labels and findings.

Every file is looked at, and is in the end an image of the dataset or a row of problems.csv with the rule that kept
it out. Files stay where they are. Exams are studies; patients, exams, images and left-out files get
pseudonyms, and nothing but sources.csv shows a path, an id or a text of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data.pseudonyms import Pseudonyms
from cadkit.data.splits import Shares, random_split
from cadkit.data.tables import SOURCES, Meta, write_problems, write_sources
from cadkit.dicom import Rules
from cadkit.errors import InputError, Problem
from cadkit.files import fingerprint
from cadkit.importers.corrections import Corrections
from cadkit.importers.findings import COLUMNS, Marked, copy_masks, join_findings
from cadkit.importers.found import Found, FoundExam, FoundImage, Naming
from cadkit.importers.frame import STEP, ImportReport, NoSplit, Options, Target
from cadkit.importers.grouping import Grouping, group
from cadkit.importers.labels import Joined, join_labels
from cadkit.importers.scanning import files_below, scan
from cadkit.importers.user_tables import read_user_table
from cadkit.tasks import Workers

SPLIT: Shares = (0.6, 0.2, 0.2)
_MEANINGS = {"malignant": "as the user's table says", "benign": "as the user's table says"}
_MORE = ("film", "processing", "synthesised", "diagnostic", "exams", "resent", "corrections", "project", "columns")
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Settings:
    """What to take and how to name it.

    Attributes:
        rules: kinds of object to take besides mammograms For Presentation.
        keep_ids: PatientID stands in the tables as it is.
        shift_dates: each patient's dates are moved by a number of days of her own.
        project: whose key makes the pseudonyms; two datasets of one project can be joined.
        columns: further columns of the labels' table to take.
        by_study: every study is an exam; otherwise studies of one day are joined (see `cadkit.importers.visits`).
        compare: decode images that may have been sent twice, and leave out what has the same pixels.
        corrections: CSV of what a person says of single files (see `cadkit.importers.corrections`).
    """

    rules: Rules = field(default_factory=Rules)
    keep_ids: bool = False
    shift_dates: bool = False
    project: str = ""
    columns: tuple[str, ...] = ()
    by_study: bool = False
    compare: bool = True
    corrections: Path | None = None


def from_options(source: Path, target: Path, options: Options) -> ImportReport:
    """DICOM: any tree of files, with tables of labels and findings.

    Its own options, with `--option name=value`:
    film, processing, synthesised, diagnostic (yes or no): also take digitised films, raw images, pictures computed from
    tomosynthesis, magnification and spot views;
    exams (visit or study): whether studies of one day are one exam;
    resent (yes or no): compare the pixels of images that may have been sent twice; yes unless told otherwise;
    corrections (a CSV): what a person says of single files;
    project: name of the key of the pseudonyms;
    columns: further columns of the labels' table, separated by commas.
    """
    options.only("dicom", "labels", "findings", "split", "seed", "keep_ids", "shift_dates", more=_MORE)
    more = options.more
    rules = Rules(
        allow_film=_yes(more, "film"),
        allow_processing=_yes(more, "processing"),
        allow_synthesised=_yes(more, "synthesised"),
        allow_diagnostic=_yes(more, "diagnostic"),
    )
    corrections = more.get("corrections", "")
    settings = Settings(
        rules,
        options.keep_ids,
        options.shift_dates,
        more.get("project", ""),
        tuple(name.strip().lower() for name in more.get("columns", "").split(",") if name.strip()),
        by_study=_choice(more, "exams", ("visit", "study")) == "study",
        compare=_yes(more, "resent", "yes"),
        corrections=Path(corrections) if corrections else None,
    )
    return import_dicom(
        source,
        target,
        labels=options.labels,
        findings=options.findings,
        split=options.split,
        seed=options.seed,
        settings=settings,
        workers=options.workers,
        quiet=options.quiet,
    )


def import_dicom(
    source: str | Path,
    target: str | Path,
    *,
    labels: str | Path | None = None,
    findings: str | Path | None = None,
    split: Shares | NoSplit | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    workers: Workers = None,
    quiet: bool = False,
) -> ImportReport:
    """Write a dataset from a tree of DICOM files, which stay where they are.

    Args:
        source: a folder, searched to any depth, or one file.
        target: the dataset's folder (see `Target`).
        labels: CSV that joins by study_instance_uid, by accession_number, or by patient_id and date, and by side;
            see `cadkit.importers.labels`.
        findings: CSV with the columns of findings.csv that names images by file or sop_instance_uid.
        split: shares of patients in train, validation and test, or `none` to leave the column empty; without it the
            labels' own column `split` is taken, or else 60/20/20 at random, stratified by label.
        seed: of the split.
        settings: what to take and how to name it.
        workers: processes; None for one per processor.
        quiet: show no progress.

    Raises:
        InputError: no file is a mammogram, a table does not join, or `target` may not be written.
    """
    # Absolute, as the workers of a cluster stand in other folders.
    source, target, settings = Path(source).absolute(), Path(target), settings or Settings()
    tables = [Path(path) for path in (labels, findings, settings.corrections) if path is not None]
    read = {path: read_user_table(path) for path in tables}
    paths = files_below(source, [target, *tables])
    contents = _contents(source, paths, tables)
    claimed = Target.claim(target, "dicom", source, contents)
    pseudonyms = Pseudonyms.of_project(settings.project or target.resolve().name)
    naming = Naming(pseudonyms, settings.keep_ids, settings.shift_dates)
    corrections = None if settings.corrections is None else Corrections(read[settings.corrections])
    how = Grouping(settings.by_study, settings.compare, corrections, workers, quiet)
    found = group(scan(paths, workers, quiet), source, settings.rules, naming, how)
    if not found.exams:
        raise _nothing(source, found, claimed)
    joined = Joined() if labels is None else join_labels(read[Path(labels)], found, settings.columns)
    marked = Marked() if findings is None else join_findings(read[Path(findings)], found, source, pseudonyms)
    _labels_of_findings(joined, marked, found)
    exams, breasts = _exams(found, joined), _breasts(found, joined)
    notes = _said(found, joined, marked, labels is not None)
    exams, said = _split(exams, breasts, joined, split, seed)
    meta = Meta(
        name=target.resolve().name,
        labels={name: _MEANINGS.get(name, "as the user's table says") for name in joined.labels}
        or {"malignant": "not known: no labels were given"},
        source="DICOM files",
        created_by="cadkit import dicom",
        sources_fingerprint=contents,
        settings=_recorded(settings, seed),
    )
    claimed.begin()
    copy_masks(marked, target)
    report = claimed.write(
        meta,
        [*found.problems, *joined.problems, *marked.problems],
        exams=exams,
        breasts=breasts,
        images=_images(found, pseudonyms),
        findings=pl.DataFrame(marked.rows, schema=dict.fromkeys(COLUMNS, pl.String)),
        sources=_sources(found),
    )
    return replace(report, notes=(*notes, said))


def _choice(more: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = more.get(name, allowed[0]).lower()
    if text not in allowed:
        raise InputError(f"the option {name} is {' or '.join(allowed)}", value=more[name])
    return text


def _yes(more: Mapping[str, str], name: str, default: str = "no") -> bool:
    text = more.get(name, default).lower()
    if text not in _YES:
        raise InputError(f"the option {name} is yes or no", value=more[name])
    return _YES[text]


def _recorded(settings: Settings, seed: int) -> dict[str, Any]:
    return {
        "importer": "dicom",
        "seed": seed,
        "film": settings.rules.allow_film,
        "processing": settings.rules.allow_processing,
        "synthesised": settings.rules.allow_synthesised,
        "diagnostic": settings.rules.allow_diagnostic,
        "exams": "study" if settings.by_study else "visit",
        "shift_dates": settings.shift_dates,
    }


def _contents(source: Path, paths: Iterable[Path], tables: Iterable[Path]) -> str:
    base = source if source.is_dir() else source.parent
    parts = [f"{path.relative_to(base)} {path.stat().st_size}" for path in paths if path.exists()]
    return fingerprint(*parts, *(path.read_bytes() for path in tables))


def _nothing(source: Path, found: Found, claimed: Target) -> InputError:
    """The error when no file is left, after the reason of each has been written down."""
    if not found.left_out:
        return InputError("the folder holds no file", file=source)
    claimed.begin()
    write_problems(claimed.folder, STEP, found.problems)
    write_sources(claimed.folder, _sources(found))
    count: dict[str, int] = {}
    for problem in found.problems:
        count[problem.rule] = count.get(problem.rule, 0) + 1
    why = ", ".join(f"{number} {rule}" for rule, number in sorted(count.items(), key=lambda item: -item[1])[:5])
    what = f"none of its {len(found.left_out)} files is a mammogram that can be used"
    mend = "The options film, processing, synthesised and diagnostic take more than mammograms For Presentation."
    mend = f"{claimed.folder / 'problems.csv'} has the reason of each, {SOURCES.file} beside it the names. {mend}"
    return InputError(f"{what} ({why})", file=source, mend=mend)


def _labels_of_findings(joined: Joined, marked: Marked, found: Found) -> None:
    """A finding makes its label 1 where the breast's is unknown; where it is 0 the finding is left out."""
    place = {image.image_id: (exam.exam_id, image.header.side) for exam in found.exams for image in exam.images}
    kept = []
    names = list(joined.labels)
    for row in marked.rows:
        label, image = str(row["label"]), str(row["image_id"])
        breast = joined.breasts[place[image]]
        if breast.get(label) == "0":
            reason = f"a {label} finding lies in a breast whose {label} is 0; it was left out"
            mend = "Correct the label of the breast or of the finding."
            marked.problems.append(Problem("finding-contradicts-breast", reason, mend=mend, item=image))
            marked.masks.pop(str(row["mask"]), None)
            continue
        if label not in names:
            names.append(label)
        if label not in breast:
            breast[label] = "1"
            reason = f"the breast's {label} was not given, and was set to 1 as a finding says so"
            marked.problems.append(Problem("label-from-finding", reason, item=image))
        kept.append(row)
    marked.rows, joined.labels = kept, tuple(names)


def _said(found: Found, joined: Joined, marked: Marked, labelled: bool) -> list[str]:
    notes = []
    if not labelled and not joined.labels:
        notes.append("No labels were given: malignant is empty, which means unknown, for every breast.")
    if labelled:
        notes.append(f"Labels: {joined.joined} of {joined.rows} rows joined.")
        told = {exam for exam, _ in joined.breasts} | joined.exams.keys()
        untold = [exam.exam_id for exam in found.exams if exam.exam_id not in told]
        reason = "no row of the labels is about the exam"
        joined.problems += [Problem("exam-without-labels", reason, item=exam) for exam in untold]
        if joined.joined < joined.rows or untold:
            what = f"Rows without an exam: {joined.rows - joined.joined}; exams without a row: {len(untold)}"
            notes.append(f"{what}; problems.csv has each.")
    if marked.given:
        notes.append(f"Findings: {len(marked.rows)} of {marked.given} rows joined.")
    return notes


def _split(
    exams: pl.DataFrame, breasts: pl.DataFrame, joined: Joined, shares: Shares | NoSplit | None, seed: int
) -> tuple[pl.DataFrame, str]:
    if shares == "none":
        empty = pl.lit(None, dtype=pl.String).alias("split")
        return exams.with_columns(empty), "Split: none; `cadkit split` makes one."
    if shares is None and exams["split"].null_count() < exams.height:
        return exams, "Split: the labels' own column."
    made = random_split(exams, breasts, joined.labels, shares or SPLIT, seed)
    parts = "/".join(f"{share:g}" for share in shares or SPLIT)
    return exams.with_columns(made), f"Split: patients at random, {parts}, seed {seed}; edit exams.csv to change it."


def _exams(found: Found, joined: Joined) -> pl.DataFrame:
    known = ("age", "density", "birads", "split")
    further = sorted({name for values in joined.exams.values() for name in values} - set(known))
    rows = []
    for exam in found.exams:
        said = joined.exams.get(exam.exam_id, {})
        age = said.get("age", None if exam.age is None else str(exam.age))
        rows.append(
            {
                "exam_id": exam.exam_id,
                "patient_id": exam.patient_id,
                "date": exam.date,
                "age": None if age is None else float(age),
                **{name: said.get(name) for name in (*known[1:], *further)},
            }
        )
    types: dict[str, Any] = {"date": pl.Date, "age": pl.Float64}
    names = ("exam_id", "patient_id", "date", *known, *further)
    return pl.DataFrame(rows, schema={name: types.get(name, pl.String) for name in names})


def _breasts(found: Found, joined: Joined) -> pl.DataFrame:
    # A label that was given without a side is one of the exam.
    given = {name for values in joined.breasts.values() for name in values}
    of_exams = {name for values in joined.exams.values() for name in values} - given
    labels = tuple(name for name in joined.labels or ("malignant",) if name not in of_exams)
    known = (*labels, "biopsied")
    further = sorted(given - set(known))
    rows = [
        {
            "exam_id": exam.exam_id,
            "side": side,
            **{name: joined.breasts.get((exam.exam_id, side), {}).get(name) for name in (*known, *further)},
        }
        for exam in found.exams
        for side in exam.sides
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("exam_id", "side", *known, *further), pl.String))
    return frame.with_columns(pl.col(name).cast(pl.Int64) for name in known)


def _images(found: Found, pseudonyms: Pseudonyms) -> pl.DataFrame:
    rows = [_image_row(exam, image, pseudonyms) for exam in found.exams for image in exam.images]
    return pl.DataFrame(rows, infer_schema_length=None)


def _image_row(exam: FoundExam, image: FoundImage, pseudonyms: Pseudonyms) -> dict[str, Any]:
    header = image.header
    return {
        "image_id": image.image_id,
        "exam_id": exam.exam_id,
        "side": header.side,
        "view": header.view.name,
        "rows": header.rows,
        "columns": header.columns,
        "bits": header.bits_stored,
        "faces": header.faces or None,
        "pixel_spacing_mm": header.pixel_spacing_mm,
        "manufacturer": header.manufacturer or None,
        "model": header.model or None,
        "machine": pseudonyms("machine", header.machine) if header.machine else None,
        "laterality_source": header.laterality_source,
        "view_source": header.view.source,
        "modifiers": "; ".join(header.view.modifiers) or None,
        "standard": int(header.standard),
        "preferred": int(image.preferred),
        "repeat": image.repeat,
        "partial": int(header.partial),
        "implant": None if header.implant is None else int(header.implant),
        "magnification": header.magnification,
        "kind": image.verdict.kind,
        "rule": image.verdict.rule,
        "photometric": header.photometric,
        "lossy": int(header.lossy),
        "kvp": header.kvp,
        "exposure_mas": header.exposure_mas,
        "thickness_mm": header.thickness_mm,
    }


def _sources(found: Found) -> pl.DataFrame:
    paths = {image.image_id: image.path for image in found.images} | found.left_out
    return pl.DataFrame({"image_id": list(paths), "path": [str(path.resolve()) for path in paths.values()]})
