"""A score table: a CSV with a column of truth and a column per model, read and checked before anything is computed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from cadkit.data.csv_lines import line_of, refuse_ragged, repeated_rows
from cadkit.errors import InputError
from cadkit.evaluation.subgroups import Groups, column_and_edges, groups_of
from cadkit.files import sha256_of

_A_TABLE = "Name a CSV file with a row per case, a column of truth and one of scores for each model."


@dataclass(frozen=True)
class ScoreTable:
    """The rows of known truth.

    Attributes:
        path: of the file.
        fingerprint: SHA-256 of its bytes.
        truth: n booleans.
        scores: n finite numbers per score column.
        cluster: n identifiers (patients) as text, or None where every row stands for itself.
        subgroups: name of a subgroup, such as `age 50-59`, and which of the n rows belong to it.
        unknown: numbers (1 is the first below the header) of the rows left out for want of a truth.
        repeated: numbers of the rows that say in every column what an earlier row says; () where no column but
            truth, scores and subgroups could tell two cases apart.
        columns: all columns of the file.
    """

    path: Path
    fingerprint: str
    truth: npt.NDArray[np.bool_]
    scores: dict[str, npt.NDArray[np.float64]]
    cluster: npt.NDArray[np.str_] | None
    subgroups: Groups
    unknown: list[int]
    repeated: list[int]
    columns: list[str]

    def place(self, row: int) -> str:
        """A row as a person finds it: `row 4 (line 5)`, by its number and by the line of the file."""
        return _place(self.path, row)


def read_score_table(
    path: str | Path,
    truth: str,
    scores: Sequence[str],
    cluster: str | None = None,
    by: Sequence[str] = (),
) -> ScoreTable:
    """Read the columns that are needed of a CSV (UTF-8, commas, one header line).

    Args:
        path: of the file.
        truth: column of 0 and 1; rows where it is empty are of unknown truth, left out and counted.
        scores: columns of finite numbers, at least one.
        cluster: column of patients, without gaps.
        by: columns that make subgroups, each with the edges of its bins if it has some (`age:40/50/70`).

    Raises:
        InputError: the file, a column or a value is not what it must be; names file, row, value and mend.
    """
    path = Path(path)
    header = _header(path)
    columns = [column_and_edges(one)[0] for one in by]
    wanted = list(dict.fromkeys([truth, *scores, *([] if cluster is None else [cluster]), *columns]))
    for name in wanted:
        if name not in header:
            refuse_ragged(path)  # may know of other signs between the columns
            raise InputError(
                "there is no such column", file=path, row="header", value=name,
                mend=f"The columns are {', '.join(header)}.",
            )  # fmt: skip
    if not scores or truth in scores:
        what = "no score column is named" if not scores else "the truth cannot be a score as well"
        raise InputError(what, file=path, row="--scores", mend=f"The columns are {', '.join(header)}.")
    refuse_ragged(path)
    frame = _columns(path, header, wanted)
    if not frame.height:
        raise InputError("the table has no rows", file=path, mend="A score table has a row per case.")
    known = _truth(path, frame[truth])
    numbers = {name: _scores(path, frame[name]) for name in scores}
    patients = None if cluster is None else _cluster(path, frame[cluster])
    kept = ~np.isnan(known)
    if not kept.any():
        raise InputError(f"the truth {truth} is unknown in every row", file=path, mend="Write 0 or 1.")
    groups: Groups = {}
    for one in by:
        groups |= _subgroups(path, one, frame.filter(pl.Series(kept)))
    return ScoreTable(
        path=path,
        fingerprint=sha256_of(path),
        truth=known[kept] == 1,
        scores={name: values[kept] for name, values in numbers.items()},
        cluster=None if patients is None else patients[kept],
        subgroups=groups,
        unknown=(np.flatnonzero(~kept) + 1).tolist(),
        repeated=repeated_rows(path) if set(header) - {truth, *scores, *columns} else [],
        columns=header,
    )


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [name.strip() for name in next(csv.reader(file), [])]
    except FileNotFoundError:
        raise InputError("the file is missing", file=path, mend=_A_TABLE) from None
    except IsADirectoryError:
        raise InputError("is a folder, not a table", file=path, mend=_A_TABLE) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not a readable CSV file: {error}", file=path, mend="Save it as CSV in UTF-8.") from None
    if not any(names):
        raise InputError("the table is empty", file=path, mend="Its first line names the columns.")
    twice = next((name for number, name in enumerate(names) if name and name in names[:number]), None)
    if twice is not None:
        raise InputError("two columns have one name", file=path, row="header", value=twice, mend="Rename one of them.")
    return names


def _columns(path: Path, header: list[str], wanted: Sequence[str]) -> pl.DataFrame:
    """The wanted columns as text, empty cells as null."""
    places = sorted(header.index(name) for name in wanted)
    try:
        frame = pl.read_csv(path, columns=places, infer_schema=False)
    except pl.exceptions.NoDataError:
        return pl.DataFrame({header[place]: [] for place in places})
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"not a readable CSV file: {first}", file=path, mend="Save it as CSV in UTF-8.") from None
    frame.columns = [header[place] for place in places]
    return frame.with_columns(pl.all().str.strip_chars().replace("", None))


def _refuse(path: Path, text: pl.Series, bad: npt.NDArray[np.bool_], what: str, mend: str) -> None:
    if bad.any():
        place, count = int(bad.argmax()), int(bad.sum())
        more = f" ({count:,} rows in all)" if count > 1 else ""
        raise InputError(f"{what}{more}", file=path, row=_place(path, place + 1), value=text[place], mend=mend)


def _place(path: Path, row: int) -> str:
    return f"row {row} (line {line_of(path, row)})"


def _truth(path: Path, text: pl.Series) -> npt.NDArray[np.float64]:
    """0, 1 or, where the cell is empty, NaN."""
    values = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    given = text.is_not_null().to_numpy()
    bad = given & ~((values == 0) | (values == 1))
    _refuse(
        path, text, bad, f"the truth {text.name} is neither 0 nor 1",
        "Write 1 for present, 0 for absent, nothing for unknown.",
    )  # fmt: skip
    return np.where(given, values, np.nan)


def _scores(path: Path, text: pl.Series) -> npt.NDArray[np.float64]:
    cast = text.cast(pl.Float64, strict=False)
    values = cast.to_numpy().astype(np.float64)
    missing, unread = text.is_null().to_numpy(), cast.is_null().to_numpy()
    leave = "Give every row a number, or leave the row out of the table."
    _refuse(path, text, missing, f"the score {text.name} is missing", leave)
    _refuse(path, text, unread, f"the score {text.name} is not a number", leave)
    _refuse(path, text, np.isnan(values), f"the score {text.name} is not a number", leave)
    _refuse(path, text, np.isinf(values), f"the score {text.name} is infinite", "Write a finite number in its place.")
    return values


def _cluster(path: Path, text: pl.Series) -> npt.NDArray[np.str_]:
    _refuse(
        path, text, text.is_null().to_numpy(), f"the cluster {text.name} is missing",
        "Give every row its patient, or one of its own where the patient has no other row.",
    )  # fmt: skip
    return text.to_numpy().astype(str)


def _subgroups(path: Path, by: str, frame: pl.DataFrame) -> Groups:
    """Subgroups of a column; one of numbers is read as numbers."""
    column, edges = column_and_edges(by)
    numbers = frame[column].cast(pl.Float64, strict=False)
    numeric = numbers.null_count() == frame[column].null_count() and bool(numbers.drop_nulls().is_finite().all())
    values = (numbers if numeric else frame[column]).to_list()
    return groups_of(column, edges, values, path)
