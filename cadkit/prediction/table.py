"""A score table: one CSV or Parquet file of a model's scores, without a folder around it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from cadkit.errors import InputError
from cadkit.prediction.columns import FILES, ID_COLUMNS, LEVELS
from cadkit.prediction.folder import Predictions, read_table

ENDINGS = (".csv", ".parquet")
_HOW = "A score table has image_id, or exam_id and side, or exam_id, and a column for each label."


class TablePredictions(Predictions):
    """The scores of a file, such as a vendor's CSV.

    Its ids say of what level it is: `image_id` of images, `exam_id` and `side` of breasts, `exam_id` of exams. Scores
    are the columns named by a label, and further scores `<name>.<label>`; other columns are let be. An exam that is
    not in it is counted as skipped.

    Attributes:
        level: image, breast or exam.
        name: the file's, without its ending.
    """

    absent = "not in the score table"

    def __init__(self, path: Path, level: str, labels: Collection[str]) -> None:
        super().__init__(path, {})
        self.level, self._known = level, frozenset(labels)

    @classmethod
    def read(cls, path: str | Path, labels: Collection[str]) -> TablePredictions:
        """Read and check a score table.

        Args:
            path: of the file.
            labels: names that a column of scores may have.

        Raises:
            InputError: the file, a column or a value is not what it must be; names file, row and value.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError("the score table is missing", file=path)
        frame = read_table(path)
        level = _level(frame.columns, path)
        twice = next((name for name in frame.columns if name.endswith("_duplicated_0")), None)
        if twice is not None:
            name = twice.removesuffix("_duplicated_0")
            raise InputError("two columns have one name", file=path, row="header", value=name, mend="Rename one.")
        made = cls(path, level, labels)
        if not any(map(made._is_score, frame.columns)):
            raise InputError(
                f"no column is named by a label ({', '.join(sorted(labels))})",
                file=path,
                row="header",
                value=", ".join(frame.columns),
                mend=_HOW,
            )
        if not made.scores(level).height:
            raise InputError("the score table has no rows", file=path, mend=_HOW)
        return made

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.folder.stem

    def _is_score(self, column: str) -> bool:
        return column in self._known or ("." in column and column.rpartition(".")[2] in self._known)

    def _path(self, name: str) -> Path | None:
        return self.folder if name == FILES[self.level] else None

    def _used(self, frame: pl.DataFrame) -> pl.DataFrame:
        ids = [c for c in frame.columns if c in ID_COLUMNS]
        return frame.select(*ids, *(c for c in frame.columns if c not in ids and self._is_score(c)))


def is_table(source: str | Path) -> bool:
    """Whether a name is that of a score table."""
    return Path(source).suffix.lower() in ENDINGS and not Path(source).is_dir()


def _level(columns: list[str], path: Path) -> str:
    for level, keys in LEVELS.items():
        if all(key in columns for key in keys):
            return level
    raise InputError(
        "the score table does not say what is scored", file=path, row="header", value=", ".join(columns), mend=_HOW
    )
