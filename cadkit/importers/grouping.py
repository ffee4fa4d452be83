"""From headers to exams: files are sorted, images that were sent again left out, the others put into visits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cadkit.dicom import Rules
from cadkit.importers.corrections import Corrections
from cadkit.importers.found import Found, Naming
from cadkit.importers.resent import leave_out_resent
from cadkit.importers.scanning import Scan
from cadkit.importers.sorting import sort_files
from cadkit.importers.visits import exams_of
from cadkit.tasks import Workers


@dataclass(frozen=True)
class Grouping:
    """How images become exams.

    Attributes:
        by_study: every study is an exam, whatever its dates.
        compare: decode images that may be the same, and leave out what was sent again.
        corrections: what a person has said of single files.
        workers, quiet: for comparing.
    """

    by_study: bool = False
    compare: bool = True
    corrections: Corrections | None = None
    workers: Workers = 1
    quiet: bool = True


def group(scans: Iterable[Scan], source: Path, rules: Rules, naming: Naming, how: Grouping | None = None) -> Found:
    """Sort files into exams; whatever is left out or doubtful becomes a problem, under an id and without a path."""
    how = how or Grouping()
    files = sort_files(scans, source, rules, naming, how.corrections)
    if how.compare:
        leave_out_resent(files, naming, how.workers, how.quiet)
    found = files.found
    found.exams = exams_of(files.images, naming, how.by_study, found.problems)
    if how.corrections is not None:
        found.problems += how.corrections.unused()
    return found
