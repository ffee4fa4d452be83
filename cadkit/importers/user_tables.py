"""Tables that users give: read as text, with names of columns as people write them."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cadkit.errors import InputError

EXAM_KEYS: Mapping[str, tuple[str, ...]] = {
    "study": ("study_instance_uid", "studyinstanceuid", "study_uid", "study"),
    "accession": ("accession_number", "accessionnumber", "accession", "acc"),
    "patient": ("patient_id", "patientid", "patient"),
    "exam": ("exam_id",),
    "date": ("exam_date", "study_date", "studydate", "acquisition_date", "date"),
}
"""Columns by which labels join, and the names that they may have; a date only beside one of the others."""
IMAGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "uid": ("sop_instance_uid", "sopinstanceuid", "sop_uid"),
    "file": ("file", "file_name", "filename", "path"),
    "image": ("image_id",),
}
"""Columns by which findings join, and the names that they may have."""
# More is no table of labels, but a damaged file.
_MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class UserTable:
    """A user's CSV: every value as text, empty ones None.

    Attributes:
        path: the file.
        rows: each row by column name; names are lower case with `_` for whatever is no letter or digit.
        columns: those names in their order.
    """

    path: Path
    rows: list[dict[str, str | None]]
    columns: tuple[str, ...]

    def column(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` that is a column."""
        return next((name for name in names if name in self.columns), None)


def read_user_table(path: Path) -> UserTable:
    """Read a CSV whose values are separated by commas, semicolons or tabs.

    Raises:
        InputError: it cannot be read, has no row, or two columns of one name.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"the table cannot be read: {error.strerror}", file=path) from None
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    if head.count(separator) >= _MOST_COLUMNS:
        raise InputError(
            f"the table has more than {_MOST_COLUMNS:,} columns", file=path, mend="Keep those that are to be joined."
        )
    try:
        frame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise InputError("the table is empty", file=path) from None
    except pl.exceptions.PolarsError:  # its message may quote a row
        raise InputError("not a readable CSV file", file=path, mend="Give every row as many values.") from None
    names = [re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") for name in frame.columns]
    if twice := sorted(name for name, number in Counter(names).items() if number > 1):
        raise InputError("two columns have one name", file=path, value=twice[0], mend="Rename one of them.")
    frame.columns = names
    frame = frame.with_columns(pl.all().str.strip_chars().replace("", None))
    return UserTable(path, frame.to_dicts(), tuple(names))


def parse_date(text: str) -> dt.date | None:
    """A date written as 2021-03-28, 20210328 or 28.3.2021; None for anything else.

    28/3/2021 and 3/28/2021 are understood where one of the numbers can be no month; 3/4/2021 is not, as it means
    two days.
    """
    if match := re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?", text):
        year, month, day = (int(part) for part in match.groups())
    elif match := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        day, month, year = (int(part) for part in match.groups())
    elif match := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
        day, month, year = (int(part) for part in match.groups())
        if month > 12:
            day, month = month, day
        elif day <= 12 and day != month:
            return None
    else:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
