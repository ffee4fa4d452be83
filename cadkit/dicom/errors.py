"""What can be wrong with one DICOM file."""

from __future__ import annotations

from cadkit.errors import InputError, Problem


class DicomError(InputError):
    """A file that cannot be used; its text never holds a path or a value that may identify a person.

    Attributes:
        rule: stable name of the fault, such as `not-dicom`, `truncated` or `missing-decoder`.
        reason: what is the matter, in one sentence.
        mend: what to do about it.
    """

    def __init__(self, rule: str, reason: str, mend: str = "") -> None:
        super().__init__(reason, mend=mend)
        self.rule = rule
        self.reason = reason
        self.mend = mend

    def __reduce__(self) -> tuple[type[DicomError], tuple[str, str, str]]:
        return (DicomError, (self.rule, self.reason, self.mend))

    def problem(self, item: str = "") -> Problem:
        """The fault as a row of `problems.csv`."""
        return Problem(self.rule, self.reason, mend=self.mend, item=item)
