"""Writing reader studies for other programs: iMRMC's files and RJafroc's workbooks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cadkit.errors import InputError
from cadkit.files import write_text
from cadkit.reader_study.ratings import RatingStudy, Study
from cadkit.reader_study.rjafroc import write_rjafroc

EXPORTS = ("imrmc", "rjafroc")


def export(study: Study, path: str | Path, layout: str) -> Path:
    """Write a study in the layout of another program; returns the file.

    Args:
        study: what to write.
        path: a folder, which gets `study.imrmc` or `study.xlsx`.
        layout: `imrmc` (ratings) or `rjafroc` (ratings, fully crossed, or marks).

    Raises:
        InputError: the layout cannot hold the study.
    """
    if layout == "imrmc":
        target = Path(path) / "study.imrmc"
        write_imrmc(study, target)
    elif layout == "rjafroc":
        target = Path(path) / "study.xlsx"
        write_rjafroc(study, target)
    else:
        raise InputError("there is no such layout", row="--export", value=layout,
                         mend=f"Known are {', '.join(EXPORTS)}.")  # fmt: skip
    return target


def write_imrmc(study: Study, path: str | Path) -> None:
    """Write an `.imrmc` file: the truth of every case, then every reading that was made.

    Raises:
        InputError: a study of marks, or a name that the file has another meaning for.
    """
    if not isinstance(study, RatingStudy):
        raise InputError("an iMRMC file holds one rating per case, not marks", row="--export", value="imrmc",
                         mend="Use --export rjafroc.")  # fmt: skip
    for name in (*study.readers, *study.modalities, *study.cases):
        if any(sign in name for sign in ",\r\n") or name != name.strip():
            raise InputError("an iMRMC file cannot hold this name", row="--export", value=name,
                             mend="Take out commas, line ends and blanks around it.")  # fmt: skip
    for name in study.readers:
        if name.casefold() in ("-1", "truth"):
            raise InputError("an iMRMC file keeps this name for the truth", row="--export", value=name,
                             mend="Rename the reader.")  # fmt: skip
    positives = int(study.truth.sum())
    lines = [
        "Reader study", f"N0: {len(study.cases) - positives}", f"N1: {positives}", f"NR: {len(study.readers)}",
        f"NM: {len(study.modalities)}", "BEGIN DATA:",
    ]  # fmt: skip
    lines += [f"-1,{case},0,{int(sick)}" for case, sick in zip(study.cases, study.truth, strict=True)]
    for i, j, k in zip(*np.nonzero(study.read), strict=True):
        value = float(study.rating[i, j, k])
        score = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        lines.append(f"{study.readers[j]},{study.cases[k]},{study.modalities[i]},{score}")
    write_text(path, "\n".join(lines) + "\n")
