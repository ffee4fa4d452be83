"""Tables of an MRMC analysis: means and differences by what is random, readers, components, plans."""

from __future__ import annotations

from typing import Any

from cadkit.evaluation.schema import Report
from cadkit.report import wording
from cadkit.report.reader_tables import StudyTable
from cadkit.report.tables import Table

_RANDOM = {
    "rrrc": "readers and cases random",
    "frrc": "readers fixed, cases random",
    "rrfc": "readers random, cases fixed",
}
_METHODS = {
    "or": "Obuchowski-Rockette",
    "dbm": "Dorfman-Berbaum-Metz",
    "bdg": "Gallas's one-shot U-statistic",
    "bdg-centred": "Gallas's one-shot U-statistic, centred",
    "hillis": "one model against readers (Hillis 2013)",
}
_COMPONENTS = {
    "ms_modality": "mean square of modalities",
    "ms_reader": "mean square of readers",
    "ms_modality_reader": "mean square of their interaction",
    "var_error": "variance by cases of one reader in one modality",
    "cov1": "covariance: one reader, two modalities",
    "cov2": "covariance: two readers, one modality",
    "cov3": "covariance: two readers, two modalities",
    "cov1_correlation": "cov1 as a share of var_error",
    "cov2_correlation": "cov2 as a share of var_error",
    "cov3_correlation": "cov3 as a share of var_error",
    "var_reader": "variance between readers",
    "var_reader_clamped": "the same, with cov2 \u2212 cov3 at least 0",
    "var_modality_reader": "variance of readers by modality",
    "var_modality_reader_clamped": "the same, with cov2 \u2212 cov3 at least 0",
    "var_readers": "variance of the differences between readers and model",
}


def mrmc_tables(report: Report) -> list[StudyTable]:
    """Every table that has rows, in the order of the page."""
    tables = [_differences(report), _means(report), _overall(report), _readers(report), _components(report)]
    return [table for table in (*tables, _plans(report)) if table.rows]


def mrmc_title(report: Report) -> str:
    """`wAFROC, 4 readers, 2 modalities; 200 cases, 120 positive`."""
    part, units = report["reader_study"]["mrmc"], report["cohort"].get("units", [])
    counts = f"{units[0]['evaluated']:,} cases, {units[0]['positives']:,} positive" if units else ""
    sizes = f"{wording.plural(len(part['readers']), 'reader')}, {len(part['modalities'])} "
    what = "modality" if len(part["modalities"]) == 1 else "modalities"
    return f"{wording.metric_title(part['fom'])}: {sizes}{what}; {counts}"


def mrmc_notes(report: Report) -> list[str]:
    """How the numbers came about."""
    part = report["reader_study"]["mrmc"]
    notes = [
        f"{_METHODS.get(part['method'], part['method'])}, covariance: {part['covariance']}; design: {part['design']}."
    ]
    notes.append(f"Intervals: {100 * report['settings']['ci']:g}%.")
    if len(part["modalities"]) > 2:
        notes.append("Holm's P is over all pairs of modalities.")
    return notes


def _exact(value: float | None, digits: int = 4) -> str:
    return "" if value is None else wording.number(value, digits)


def _differences(report: Report) -> StudyTable:
    rows: list[tuple[str, ...]] = []
    opens, before = set(), ""
    for row in report["comparisons"]:
        words = _RANDOM[str(row["method"]).rpartition("-")[2]]
        if words != before:
            opens.add(len(rows))
            rows.append((words, *[""] * 6))
            before = words
        given = row.get("given", {})
        between = wording.interval(row["low"], row["high"], " to ") or row.get("reason", "")
        cells = (_exact(row["difference"]), between, _exact(given["se"]), _exact(given["df"], 1))
        holm = wording.p_value(row["p_adjusted"])
        rows.append((f"{row['a']} \u2212 {row['b']}", *cells, wording.p_value(row["p"]), holm))
    columns = ("", "Difference", "Interval", "SE", "df", "P", "P, Holm")
    names = ["a", "b", "method", "difference", "low", "high", "p", "p_adjusted", "se", "df", "statistic"]
    plain: list[list[object]] = [
        [{**row, **row.get("given", {})}.get(name) for name in names] for row in report["comparisons"]
    ]
    return StudyTable("Differences", columns, tuple(rows), Table("differences", names, plain), opens=frozenset(opens))


def _means(report: Report) -> StudyTable:
    rows: list[tuple[str, ...]] = []
    plain: list[list[object]] = []
    opens, before = set(), ""
    for row in report["results"]:
        given = row.get("given", {})
        if given.get("of") != "mean of readers":
            continue
        words = _RANDOM[str(given["inference"]).lower()] if "inference" in given else ""
        if words and words != before:
            opens.add(len(rows))
            rows.append((words, *[""] * 4))
            before = words
        between = wording.interval(row["low"], row["high"], " to ")
        rows.append((row["model"], _exact(row["value"]), between, _exact(given.get("se")), _exact(given.get("df"), 1)))
        plain.append([row["model"], given.get("inference"), row["value"], row["low"], row["high"], given.get("se")])
    source = Table("means", ["modality", "inference", "value", "low", "high", "se"], plain)
    return StudyTable("Means of readers", ("", "Mean", "Interval", "SE", "df"), tuple(rows), source,
                      opens=frozenset(opens))  # fmt: skip


def _overall(report: Report) -> StudyTable:
    part = report["reader_study"]["mrmc"]
    rows: list[tuple[str, ...]] = []
    plain: list[list[object]] = []
    if len(part["modalities"]) > 1:
        for random, one in part["overall"].items():
            freedom = f"{_exact(one['df1'], 0)}" + (f", {_exact(one['df2'], 1)}" if one["df2"] is not None else "")
            kind = {"F": "F", "chi2": "\u03c7\u00b2"}[one["kind"]]
            statistic = f"{kind} = {_exact(one['value'], 3)}"
            rows.append((_RANDOM[random.lower()], statistic, freedom, wording.p_value(one["p"])))
            plain.append([random, one["kind"], one["value"], one["df1"], one["df2"], one["p"]])
    source = Table("overall", ["inference", "kind", "value", "df1", "df2", "p"], plain)
    return StudyTable("Any difference between modalities", ("", "Test", "df", "P"), tuple(rows), source)


def _readers(report: Report) -> StudyTable:
    part = report["reader_study"]["mrmc"]
    values: dict[str, dict[str, Any]] = {}
    for row in report["results"]:
        reader = row.get("given", {}).get("reader")
        if reader is not None:
            values.setdefault(str(reader), {})[row["model"]] = row["value"]
    modalities = part["modalities"]
    rows = tuple((reader, *(_exact(one.get(name)) for name in modalities)) for reader, one in values.items())
    plain: list[list[object]] = [[reader, *(one.get(name) for name in modalities)] for reader, one in values.items()]
    return StudyTable("Readers", ("Reader", *modalities), rows, Table("readers", ["reader", *modalities], plain))


def _components(report: Report) -> StudyTable:
    found = report["reader_study"]["mrmc"]["components"]
    rows = tuple(
        (name, _COMPONENTS.get(name, ""), f"{value:.6g}".replace("-", "\u2212")) for name, value in found.items()
    )
    source = Table("components", ["component", "value"], [[name, value] for name, value in found.items()])
    return StudyTable("Variance components", ("", "What it is", "Value"), rows, source, left=2)


def _plans(report: Report) -> StudyTable:
    rows: list[tuple[str, ...]] = []
    plain: list[list[object]] = []
    for one in report["reader_study"]["mrmc"]["power"]:
        numbers = [f"{one[name]:,}" if one[name] else "any" for name in ("readers", "cases")]
        rows.append((*numbers, f"{one['effect']:g}", _exact(one["power"], 3) or one["reason"]))
        plain.append([one[name] for name in ("readers", "cases", "effect", "power")])
    columns = ("Readers", "Cases", "Difference", "Power")
    return StudyTable("Planned studies", columns, tuple(rows), Table("plans", list(columns), plain), left=0)
