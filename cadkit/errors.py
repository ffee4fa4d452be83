"""What can go wrong, said so that a person can mend it.

Three kinds: `InputError` (the user's mistake, exit status 2), `Failure` (the machine's, exit status 1)
and `Problem` (one row of a list: something was left out, changed or is wrong, and the work goes on).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


class CadkitError(Exception):
    """Base of every error that cadkit raises on purpose; its text is fit to be shown as it is."""

    exit_status = 1


def _sentence(what: str, file: object, row: object, value: object, mend: str) -> str:
    place = f"row {row}" if isinstance(row, int) else row
    where = ", ".join(str(part) for part in (file, place) if part is not None and str(part))
    text = f"{where}: {what.rstrip()}" if where else what.rstrip()
    if value is not None:
        text += f" (found: {value!r})"
    if not text.endswith((".", "!", "?")) and "\n" not in text:
        text += "."
    return f"{text} {mend}".rstrip()


class InputError(CadkitError):
    """A mistake in what the user gave.

    Args:
        what: the fault in one sentence.
        file: the file or folder that holds it.
        row: its row (1 is the first line below the header), or a key inside the file, or an option.
        value: the value found there.
        mend: what to do about it, as a sentence.
    """

    exit_status = 2

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        row: object = None,
        value: object = None,
        mend: str = "",
    ) -> None:
        super().__init__(_sentence(what, file, row, value, mend))

    def _render_traceback_(self) -> list[str]:
        """What a notebook prints: the sentence alone, as the terminal does."""
        return [f"{type(self).__name__}: {self}"]


class Failure(CadkitError):
    """Something failed that the user did not cause: a full disk, a killed worker, a diverging loss."""


@dataclass(frozen=True)
class Problem:
    """One thing that was left out or changed, or that is wrong with a table.

    Attributes:
        rule: stable name of the rule that fired, such as `unknown-exam`.
        reason: what is the matter, in one sentence.
        file: table or file, relative to the dataset (never a path that may show an identity).
        row: row of the table, 1 for the first line below the header; None where there is none.
        value: the offending value.
        mend: what to do about it.
        item: the id (image, exam, finding, source) that it concerns, if any.
    """

    rule: str
    reason: str
    file: str = ""
    row: int | None = None
    value: str = ""
    mend: str = ""
    item: str = ""

    def __str__(self) -> str:
        return (
            _sentence(self.reason, self.file or self.item, self.row, self.value or None, self.mend) + f" [{self.rule}]"
        )

    def as_row(self) -> dict[str, str | int | None]:
        """The problem as a row of `problems.csv`."""
        return asdict(self)


class ProblemsError(InputError):
    """Several problems at once: every one is listed, a line each."""

    def __init__(self, what: str, problems: Sequence[Problem], shown: int = 50) -> None:
        self.what, self.problems, self.shown = what, list(problems), shown
        lines = [f"  {problem}" for problem in self.problems[:shown]]
        if len(self.problems) > shown:
            lines.append(f"  ... and {len(self.problems) - shown} more")
        super().__init__(f"{what} {len(self.problems)} problem(s):\n" + "\n".join(lines) + "\n")

    def __reduce__(self) -> tuple[type[ProblemsError], tuple[str, list[Problem], int]]:
        return ProblemsError, (self.what, self.problems, self.shown)
