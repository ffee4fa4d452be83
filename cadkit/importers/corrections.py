"""A user's corrections of what headers say: kind, side and view of single files.

A CSV with a column `file` (path below the imported folder) or `sop_instance_uid`, and one or more of `kind`, `side` and
`view`; empty values change nothing. No header says reliably that a picture is synthesised, and headers that
contradict themselves are listed: whoever has looked at the picture has the last word here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cadkit.dicom import Header
from cadkit.dicom.triage import CORRECTABLE
from cadkit.dicom.views import CODE_OF_VIEW, side_from_text
from cadkit.errors import InputError, Problem
from cadkit.importers.user_tables import IMAGE_KEYS, UserTable

TABLE = "the table of corrections"
"""What problems call it: its own name may be that of a person."""
SOURCE = "correction"


@dataclass(frozen=True)
class _Correction:
    kind: str
    side: str
    view: str
    row: int


class Corrections:
    """A table of corrections, looked up file by file."""

    def __init__(self, table: UserTable) -> None:
        """Read a table.

        Raises:
            InputError: no column names a file, none corrects anything, or a value is not one of those that may be.
        """
        self._file = table.column(IMAGE_KEYS["file"])
        self._uid = table.column(IMAGE_KEYS["uid"])
        if self._file is None and self._uid is None:
            raise InputError(
                "no column tells which file a row is about", file=table.path, mend="Add file or sop_instance_uid."
            )
        if not {"kind", "side", "view"} & set(table.columns):
            raise InputError("nothing is corrected", file=table.path, mend="Add a column kind, side or view.")
        self._by_file: dict[str, _Correction] = {}
        self._by_uid: dict[str, _Correction] = {}
        self._unused: dict[int, _Correction] = {}
        for number, row in enumerate(table.rows, start=1):
            correction = _correction(row, number, table)
            self._unused[number] = correction
            if self._file is not None and (name := row[self._file]):
                self._by_file[name.replace("\\", "/").removeprefix("./")] = correction
            if self._uid is not None and (uid := row[self._uid]):
                self._by_uid[uid] = correction

    def apply(self, header: Header, relative: str) -> tuple[Header, str]:
        """The header as corrected, and its kind (empty if that is left to the rules)."""
        correction = self._by_file.get(relative) or self._by_uid.get(header.sop_instance_uid)
        if correction is None:
            return header, ""
        self._unused.pop(correction.row, None)
        settled = set()
        if correction.side:
            header = replace(header, side=correction.side, laterality_source=SOURCE)
            settled.add("side-conflict")
        if correction.view:
            header = replace(header, view=replace(header.view, name=correction.view, source=SOURCE))
            settled.add("view-conflict")
        notes = tuple(note for note in header.notes if note.rule not in settled)
        return replace(header, notes=notes), correction.kind

    def unused(self) -> list[Problem]:
        """Rows that named no file, as problems."""
        reason = "the row names a file that is not below the imported folder"
        return [Problem("correction-not-joined", reason, TABLE, row) for row in self._unused]


def _correction(row: dict[str, str | None], number: int, table: UserTable) -> _Correction:
    kind, side, view = ((row.get(name) or "") for name in ("kind", "side", "view"))
    right = side_from_text(side)
    for name, value, known, allowed in (
        ("kind", kind, kind in CORRECTABLE, CORRECTABLE),
        ("side", side, right in ("L", "R"), ("L", "R")),
        ("view", view, view.upper() in CODE_OF_VIEW, tuple(CODE_OF_VIEW)),
    ):
        if value and not known:
            raise InputError(
                f"the {name} is none that may be given",
                file=table.path,
                row=number,
                value=value,
                mend=f"Give one of {', '.join(allowed)}.",
            )
    return _Correction(kind, right, view.upper(), number)
