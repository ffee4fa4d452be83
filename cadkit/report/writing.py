"""Writing a report's page, figures and tables beside its report.json."""

from __future__ import annotations

from pathlib import Path

from cadkit.evaluation.schema import Report
from cadkit.files import write_text
from cadkit.report.headline import headline
from cadkit.report.methods import methods
from cadkit.report.reading import read_report
from cadkit.report.tables import all_tables


def write_report(folder: str | Path) -> Path:
    """Draw `folder/report.json`: report.html, figures/*.svg, tables/*.csv, tables/methods.txt; each written atomically.

    Pictures named by the cases are read below `folder`. Figures and tables of an earlier result that
    this one has not are removed.

    Returns:
        The path of the page.

    Raises:
        InputError: there is no result, it is of another version, or a picture of the gallery is missing.
    """
    from cadkit.report.drawings import drawings_of
    from cadkit.report.gallery import gallery_of
    from cadkit.report.page import render

    folder = Path(folder)
    report = read_report(folder)
    if "reader_study" in report:
        return _write_study(report, folder)
    first = headline(report)
    tables = all_tables(report, first)
    said = methods(report)
    gallery = gallery_of(report, folder)
    figures = [(drawing, drawing.svg()) for drawing in drawings_of(report)]
    page = render(report, first, tables, figures, gallery, said)

    files = {f"{table.name}.csv": table.csv() for table in (*tables, *(drawing.table for drawing, _ in figures))}
    _replace(folder / "figures", {f"{drawing.name}.svg": svg for drawing, svg in figures})
    _replace(folder / "tables", {**files, "methods.txt": said.text()})
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _write_study(report: Report, folder: Path) -> Path:
    """Page, figures and tables of a reader study."""
    from cadkit.report.reader_page import drawn_study

    figures, tables, page = drawn_study(report, folder)
    _replace(folder / "figures", figures)
    _replace(folder / "tables", tables)
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _replace(folder: Path, files: dict[str, str]) -> None:
    """Write the files, then remove those of the same endings that are not among them."""
    for name, text in files.items():
        write_text(folder / name, text)
    if folder.is_dir():
        for path in folder.iterdir():
            if path.suffix in (".svg", ".csv", ".txt") and path.name not in files:
                path.unlink()
