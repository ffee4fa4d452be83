"""A wide table: a row per breast (or case), a column per reader and per model, read and checked first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cadkit.data.csv_lines import refuse_ragged
from cadkit.errors import InputError
from cadkit.files import sha256_of
from cadkit.reader_study.columns import Roles, column, roles
from cadkit.reader_study.settings import StudySettings

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
_SECOND = re.compile(r"_duplicated_\d+$")


@dataclass(frozen=True)
class Study:
    """Reads and scores of the units of known truth.

    Attributes:
        name: of the table or dataset.
        truth: n booleans.
        cluster: n identifiers of the cases that are resampled.
        readers: n finite scores per reader.
        models: n finite scores per model.
        recalls: n booleans per reader; empty where binary reads were not given.
        units: n names of the rows.
        unknown: names of the units left out for want of a truth.
        level: what a row is: `unit`, or `breast` of a dataset.
        aside: columns of readers that are no part of the study unless they are asked for.
        inputs: what was read, for the record: kind, name, fingerprint.
    """

    name: str
    truth: BoolArray
    cluster: npt.NDArray[np.str_]
    readers: dict[str, FloatArray]
    models: dict[str, FloatArray]
    recalls: dict[str, BoolArray] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    level: str = "unit"
    aside: tuple[str, ...] = ()
    inputs: tuple[dict[str, Any], ...] = ()

    def reads(self) -> FloatArray:
        """Scores of all readers: readers x n."""
        return np.stack(list(self.readers.values()))

    def recalled(self) -> BoolArray:
        """Binary reads of all readers, in the order of `readers`: readers x n."""
        return np.stack([self.recalls[name] for name in self.readers])


def read_wide_table(path: str | Path, settings: StudySettings, known: Roles | None = None) -> Study:
    """Read a CSV or Parquet file with a row per unit.

    Args:
        path: of the table; a CSV is UTF-8 with commas and one header line.
        settings: which columns are what.
        known: the roles of columns found before: for a second table that must have the same columns.

    Raises:
        InputError: the file, a column, a row or a value is not what it must be; names file, row, value and mend.
    """
    path = Path(path)
    frame = read_text_table(path)
    header = frame.columns
    truth = column(settings.truth, header, "--truth", path)
    cluster = None if settings.cluster is None else column(settings.cluster, header, "--cluster", path)
    unit = [column(name, header, "--unit", path) for name in settings.unit]
    others = list(dict.fromkeys([truth, *([] if cluster is None else [cluster]), *unit]))
    found = known or roles(header, settings.readers, settings.models, settings.recalls, others, path)
    for name in (*found.readers, *found.models, *found.recalls.values()):
        column(name, header, "header", path)
    known_truth = _truth(path, frame[truth])
    names = _units(path, frame, unit, known_truth)
    patients = (
        _filled(path, frame[cluster], "the cluster") if cluster is not None else np.arange(len(frame)).astype(str)
    )
    kept = ~np.isnan(known_truth)
    positive = known_truth[kept] == 1
    if not kept.any() or positive.all() or not positive.any():
        raise InputError(
            f"the truth {truth} is " + ("unknown" if not kept.any() else "the same") + " in every row",
            file=path, mend="A reader study has rows of 0 and of 1.",
        )  # fmt: skip
    scores = {n: _numbers(path, frame[n], kept, "reader") for n in found.readers}
    scores |= {n: _numbers(path, frame[n], kept, "model") for n in found.models}
    return Study(
        name=path.stem,
        truth=positive,
        cluster=patients[kept],
        readers={name: scores[name] for name in found.readers},
        models={name: scores[name] for name in found.models},
        recalls={reader: _binary(path, frame[name], kept) for reader, name in found.recalls.items()},
        units=tuple(name for name, one in zip(names, kept, strict=True) if one),
        unknown=tuple(name for name, one in zip(names, kept, strict=True) if not one),
        inputs=({"kind": "table", "name": path.name, "fingerprint": sha256_of(path)},),
    )


def roles_of(study: Study) -> Roles:
    """The columns of a study that was read, for a second table of the same columns (recalls are not needed there)."""
    return Roles(tuple(study.readers), tuple(study.models), {})


def read_text_table(path: Path) -> pl.DataFrame:
    """All columns of a CSV or Parquet file as text, blanks stripped, empty cells null.

    Raises:
        InputError: there is no such file, it cannot be read, it is empty or two columns have one name.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pl.read_parquet(path).with_columns(pl.all().cast(pl.String))
        else:
            refuse_ragged(path)
            frame = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except FileNotFoundError:
        raise InputError("the file is missing", file=path) from None
    except pl.exceptions.NoDataError:
        raise InputError("the table is empty", file=path, mend="Its first line names the columns.") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"not a readable table: {first}", file=path, mend="Save it as CSV in UTF-8.") from None
    if not frame.height:
        raise InputError("the table has no rows", file=path, mend="A reader study has a row per case or breast.")
    # Polars renames the second column of a name.
    names = [_SECOND.sub("", name).strip().removeprefix("\ufeff") for name in frame.columns]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise InputError("two columns have one name", file=path, row="header", value=twice, mend="Rename one.")
    frame.columns = names
    return frame.with_columns(pl.all().str.strip_chars().replace("", None))


def refuse(path: object, text: pl.Series, bad: BoolArray, what: str, mend: str) -> None:
    """InputError that names the first bad row, its value, and how many there are."""
    if bad.any():
        place, count = int(bad.argmax()), int(bad.sum())
        more = f" ({count:,} rows in all)" if count > 1 else ""
        raise InputError(f"{what}{more}", file=path, row=place + 1, value=text[place], mend=mend)


def _truth(path: Path, text: pl.Series) -> FloatArray:
    """0, 1 or, where the cell is empty, NaN."""
    values = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    given = text.is_not_null().to_numpy()
    refuse(
        path, text, given & ~np.isin(values, (0.0, 1.0)), f"the truth {text.name} is neither 0 nor 1",
        "Write 1 for present, 0 for absent, nothing for unknown.",
    )  # fmt: skip
    return np.where(given, values, np.nan)


def _filled(path: Path, text: pl.Series, what: str) -> npt.NDArray[np.str_]:
    missing = text.is_null().to_numpy()
    refuse(path, text, missing, f"{what} {text.name} is missing", "Give every row its own.")
    return text.to_numpy().astype(str)


def _units(path: Path, frame: pl.DataFrame, unit: Sequence[str], truth: FloatArray) -> list[str]:
    """Names of the rows; two rows of one unit are refused, first where their truth differs."""
    if not unit:
        return [str(number) for number in range(1, frame.height + 1)]
    parts = [_filled(path, frame[name], "the unit") for name in unit]
    keys = list(zip(*parts, strict=True))
    first: dict[tuple[str, ...], int] = {}
    twice: list[tuple[int, int]] = []
    for row, key in enumerate(keys):
        if key in first:
            twice.append((first[key], row))
        else:
            first[key] = row
    differ = [(a, b) for a, b in twice if not (truth[a] == truth[b] or (np.isnan(truth[a]) and np.isnan(truth[b])))]
    if twice:
        a, b = (differ or twice)[0]
        what = "the truth differs within a unit" if differ else "the unit stands in two rows"
        raise InputError(
            f"{what}: rows {a + 1} and {b + 1}", file=path, row=b + 1, value="/".join(keys[b]),
            mend=f"Give every {', '.join(unit)} one row.",
        )  # fmt: skip
    return ["/".join(key) for key in keys]


def _numbers(path: Path, text: pl.Series, kept: BoolArray, who: str) -> FloatArray:
    """Finite scores of the rows that count."""
    cast = text.cast(pl.Float64, strict=False)
    values = cast.to_numpy().astype(np.float64)
    missing = text.is_null().to_numpy() & kept
    if who == "reader":
        what, mend = f"the read of {text.name} is missing", (
            "Hybrids and means need every reader's read of every unit: complete it, leave the unit or the reader out, "
            "or analyse the reads as a long table with --method bdg-centred, which takes missing reads."
        )  # fmt: skip
    else:
        what, mend = f"the score of {text.name} is missing", "Give every unit a score, or leave the unit out."
    refuse(path, text, missing, what, mend)
    bad = kept & ~np.isfinite(values)
    refuse(path, text, bad, f"the score of {text.name} is not a finite number", "Write a number in its place.")
    return values[kept]


def _binary(path: Path, text: pl.Series, kept: BoolArray) -> BoolArray:
    values = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    missing = text.is_null().to_numpy() & kept
    refuse(path, text, missing, f"the recall {text.name} is missing", "Write 1 for recall, 0 for none.")
    refuse(
        path, text, kept & ~np.isin(values, (0.0, 1.0)), f"the recall {text.name} is neither 0 nor 1",
        "Write 1 for recall, 0 for none.",
    )  # fmt: skip
    recalled: BoolArray = values[kept] == 1
    return recalled
