"""What a dataset holds, on the terminal: a page for 80 columns that uses more where there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cadkit.data.prevalence import METHOD, Prevalence
from cadkit.data.split_column import Part
from cadkit.data.summary import Group, Summary
from cadkit.report.wording import plural

if TYPE_CHECKING:
    from rich.console import Group as Lines
    from rich.console import RenderableType
    from rich.table import Table

TITLES = {
    "split": "Split",
    "fold": "Fold",
    "density": "Density",
    "birads": "BI-RADS",
    "age": "Age",
    "year": "Year",
    "view": "View",
    "vendor": "Vendor",
}
"""Title of each variable, in the order of the page."""
_FORMATS = 8


def terminal_page(summary: Summary, width: int) -> Lines:
    """The page of a dataset.

    Args:
        summary: what is in it.
        width: columns of the terminal; 80 or more. Labels for which there is no room are named.
    """
    from rich.console import Group as Lines
    from rich.text import Text

    parts: list[RenderableType] = [Text(summary.name, style="bold")]
    parts += [Text(line, style="dim") for line in _about(summary)]
    parts += ["", Text(_totals(summary)), "", _prevalences(summary)]
    parts.append(Text(f"{METHOD}.", style="dim"))
    table, hidden = _groups(summary, width)
    parts += ["", table]
    if hidden:
        parts.append(Text(f"No room for {', '.join(hidden)}: see a wider terminal, --json or --html.", style="dim"))
    parts += ["", *_beside(_small_tables(summary), width), ""]
    parts += [Text(line) for line in notes(summary)]
    return Lines(*parts)


def _about(summary: Summary) -> list[str]:
    made = [part for part in (summary.source, summary.created_by) if part]
    lines = [", ".join(made)] if made else []
    lines += [f"Licence: {summary.licence}"] if summary.licence else []
    return [*lines, f"Fingerprint {summary.fingerprint}"]


def _totals(summary: Summary) -> str:
    whole = summary.whole
    counts = (
        *((whole.patients, "patient"), (whole.exams, "exam"), (whole.breasts, "breast"), (whole.images, "image")),
        (summary.findings, "finding"),
    )
    text = "   ".join(plural(number, name) for number, name in counts)
    return f"{text}\n{between(summary)}" if summary.dates else text


def between(summary: Summary) -> str:
    """The dates of the exams as a phrase; empty where they are not known."""
    if summary.dates is None:
        return ""
    first, last = summary.dates
    return f"Exams of {first}" if first == last else f"Exams from {first} to {last}"


def _plain(title: str, columns: Iterable[str], left: int = 1) -> Table:
    """A table without lines; its first columns are text, the others numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=Text(title, style="bold") if title else None, title_justify="left", pad_edge=False,
        padding=(0, 1, 0, 0), show_edge=False, header_style="dim",
    )  # fmt: skip
    for number, name in enumerate(columns):
        table.add_column(Text(name), justify="left" if number < left else "right", overflow="ellipsis", no_wrap=True)
    return table


def _row(table: Table, *cells: str, style: str = "", end_section: bool = False) -> None:
    """Add a row whose cells are shown as they are, brackets included."""
    from rich.text import Text

    table.add_row(*map(Text, cells), style=style, end_section=end_section)


def share_text(found: Prevalence) -> str:
    """A share as `25%`, below a tenth as `5.1%`, or `-` where nothing is known."""
    if found.share is None:
        return "-"
    return f"{found.share:.0%}" if found.share >= 0.0995 or found.share == 0 else f"{found.share:.1%}"


def interval_text(found: Prevalence) -> str:
    """A share with its interval as `12.3% (8.1 to 17.2)`, or `-` where nothing is known."""
    if found.share is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.share:.1%}"
    return f"{found.share:.1%} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _prevalences(summary: Summary) -> Table:
    levels = set(summary.level.values())
    title = f"Labels of {levels.pop()}s" if len(levels) == 1 else "Labels"
    table = _plain(title, ("label", "split", "positive", "share (95% CI)", "patients", "unknown"), left=2)
    groups = [summary.whole, *summary.groups.get("split", ())]
    for label in summary.labels:
        for group in groups:
            found = group.labels[label]
            first = group is groups[0]
            _row(
                table,
                label if first else "",
                group.name,
                f"{found.positives:,} of {found.known:,}",
                interval_text(found),
                f"{found.patients:,}",
                f"{found.unknown:,}" if found.unknown else "-",
                style="bold" if first else "",
                end_section=group is groups[-1],
            )
    return table


def _groups(summary: Summary, width: int) -> tuple[Table, list[str]]:
    """The parts of a dataset, and the labels for which there was no room."""
    labels = list(summary.labels)
    while True:
        table = _plain("Parts", ("", "patients", "exams", "breasts", "images", *labels))
        for variable in TITLES:
            groups = summary.groups.get(variable, ())
            if groups:
                _row(table, TITLES[variable], style="bold")
            for group in groups:
                _row(table, *_group_row(group, labels), end_section=group is groups[-1])
        if len(labels) <= 1 or _width(table, width) <= width:
            return table, list(summary.labels)[len(labels) :]
        labels.pop()


def _width(table: Table, width: int) -> int:
    """Columns of the terminal that a table would take if it could."""
    from rich.console import Console

    console = Console(width=max(width, 500))
    return table.__rich_measure__(console, console.options).maximum


def _group_row(group: Group, labels: Iterable[str]) -> list[str]:
    """Name and counts of a group, then its positives of each label with their share."""
    counts = (group.patients, group.exams, group.breasts, group.images)
    cells = [f"{found.positives:,} ({share_text(found)})" for found in (group.labels[label] for label in labels)]
    return [f"  {group.name}", *(f"{number:,}" for number in counts), *cells]


def _small_tables(summary: Summary) -> list[Table]:
    views = _plain("Standard views", ("exams with images", f"{summary.views.exams:,}"))
    for name, number in view_rows(summary):
        _row(views, name, f"{number:,}")
    visits = _plain("Visits", ("exams of a patient", "patients"))
    for exams, patients in capped(summary.exams_per_patient, 5):
        _row(visits, exams, f"{patients:,}")
    tables = [views, visits]
    if summary.finding_groups:
        findings = _plain("Findings", ("label", "kind", "findings", "lesions", "images"), left=2)
        for found in summary.finding_groups:
            counts = (found.findings, found.lesions, found.images)
            _row(findings, found.label, found.kind, *(f"{number:,}" for number in counts))
        tables.append(findings)
    formats = _plain("Sizes and spacing", ("vendor", "rows x columns", "mm", "images"), left=2)
    for one in summary.formats[:_FORMATS]:
        _row(formats, one.vendor or "unknown", size_text(one.rows, one.columns), spacing_text(one.pixel_spacing_mm),
                        f"{one.images:,}")  # fmt: skip
    if more := summary.formats[_FORMATS:]:
        _row(formats, f"{len(more)} more", "", "", f"{sum(one.images for one in more):,}")
    tables.append(formats)
    if summary.problems:
        problems = _plain("problems.csv", ("step", "rule", "rows"), left=2)
        for problem in summary.problems:
            _row(problems, problem.step, problem.rule, f"{problem.count:,}")
        tables.append(problems)
    return tables


def size_text(rows: int | None, columns: int | None) -> str:
    """`3328 x 2560`, or `unknown`."""
    return "unknown" if rows is None or columns is None else f"{rows} x {columns}"


def spacing_text(spacing: float | None) -> str:
    """Millimetres with at most four digits, or `unknown`."""
    return "unknown" if spacing is None else f"{spacing:.4g}"


def view_rows(summary: Summary) -> list[tuple[str, int]]:
    """Completeness of the standard views as (what, exams)."""
    views = summary.views
    optional = (
        *((f"without {name}", number) for name, number in views.missing.items()),
        ("one breast only", views.one_side),
        ("no image at all", views.without_images),
        ("repeated views", views.repeated),
    )
    return [("all four", views.complete), *(row for row in optional if row[1])]


def capped(counts: Mapping[int, int], most: int) -> list[tuple[str, int]]:
    """Counts by number, those of `most` and above as one."""
    rows = [(str(number), count) for number, count in counts.items() if number < most]
    above = sum(count for number, count in counts.items() if number >= most)
    return [*rows, (f"{most} or more", above)] if above else rows


def notes(summary: Summary) -> list[str]:
    """Ages, what is not drawn, readers and the store, a sentence each."""
    lines = []
    if (ages := summary.ages) is not None:
        unknown = f"; unknown in {plural(ages.unknown, 'exam')}" if ages.unknown else ""
        lines.append(
            f"Ages: {ages.lowest:g} to {ages.highest:g}, median {ages.median:g} "
            f"(quartiles {ages.first_quartile:g} and {ages.third_quartile:g}){unknown}."
        )
    for label, number in summary.not_drawn.items():
        if number and any(found.label == label for found in summary.finding_groups):
            positives = summary.whole.labels[label].positives
            lines.append(f"Positive for {label}, without a finding of it: {number:,} of {plural(positives, 'breast')}.")
    if summary.readers:
        lines.append(f"Readers: {', '.join(summary.readers)}.")
    store = summary.store
    if store.state == "complete":
        failed = f", {store.failed:,} failed" if store.failed else ""
        lines.append(f"Prepared: {store.prepared:,} of {plural(summary.whole.images, 'image')}{failed}.")
    else:
        state = "not yet" if store.state == "none" else "not finished"
        lines.append(f"Prepared: {state}. Type `cadkit prepare`, if the images have files.")
    return lines


def _beside(tables: list[Table], width: int) -> list[RenderableType]:
    """Small tables side by side as far as the width goes, a blank line between the rows of them."""
    from rich.table import Table

    lines: list[list[Table]] = []
    used = width + 1
    for table in tables:
        wide = _width(table, width) + 4
        if used + wide > width + 4:
            lines.append([])
            used = 0
        lines[-1].append(table)
        used += wide
    parts: list[RenderableType] = []
    for line in lines:
        grid = Table.grid(padding=(0, 4))
        grid.add_row(*line)
        parts += [grid, ""]
    return parts[:-1]


def balance_table(parts: Sequence[Part], levels: Mapping[str, str]) -> Table:
    """The balance of a split: patients, exams, breasts and positives of each part with their share.

    Args:
        parts: of the split, the whole last.
        levels: of each label, `breast` or `exam`: what its positives are counted in.
    """
    table = _plain("", ("part", "patients", "exams", "breasts", *(f"{label} {levels[label]}s" for label in levels)))
    for part in parts:
        counts = (f"{number:,}" for number in (part.patients, part.exams, part.breasts))
        cells = (
            f"{part.positives[label]:,} ({part.positives[label] / part.known[label]:.1%})" if part.known[label] else "-"
            for label in levels
        )
        _row(table, part.name, *counts, *cells, style="bold" if part is parts[-1] else "")
    return table
