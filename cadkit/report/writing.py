"""Writing a report's page, figures and tables beside its report.json."""

from __future__ import annotations

from pathlib import Path

from cadkit.files import write_text
from cadkit.report.curves import figures_of
from cadkit.report.headline import headline
from cadkit.report.reading import read_report
from cadkit.report.tables import all_tables, curve_table


def write_report(folder: str | Path) -> Path:
    """Draw `folder/report.json`: report.html, figures/*.svg and tables/*.csv, each written atomically.

    Pictures named by the cases are read below `folder`. Figures and tables of an earlier result that
    this one has not are removed.

    Returns:
        The path of the page.

    Raises:
        InputError: there is no result, it is of another version, or a picture of the gallery is missing.
    """
    from cadkit.report.figures import specification, svg
    from cadkit.report.gallery import gallery_of
    from cadkit.report.page import render

    folder = Path(folder)
    report = read_report(folder)
    first = headline(report)
    tables = all_tables(report, first)
    gallery = gallery_of(report, folder)
    figures = []
    for figure in figures_of(report):
        spec = specification(figure)
        figures.append((figure, spec, svg(spec)))
    page = render(report, first, tables, figures, gallery)

    tables += [curve_table(figure.name, figure.curves) for figure, _, _ in figures]
    _replace(folder / "figures", {f"{figure.name}.svg": drawing for figure, _, drawing in figures})
    _replace(folder / "tables", {f"{table.name}.csv": table.csv() for table in tables})
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _replace(folder: Path, files: dict[str, str]) -> None:
    """Write the files, then remove those of the same endings that are not among them."""
    for name, text in files.items():
        write_text(folder / name, text)
    if folder.is_dir():
        for path in folder.iterdir():
            if path.suffix in (".svg", ".csv") and path.name not in files:
                path.unlink()
