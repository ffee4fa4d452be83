"""Reading report.json, and finding rows in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NotRequired, cast, get_origin, get_type_hints

from cadkit.errors import InputError
from cadkit.evaluation.schema import SCHEMA, Report, ResultRow

WHOLE = ("all", "")
RANDOM = "random marks"
OF_MODEL = f"{RANDOM} as "
_MEAN = re.compile(r"(.*) \(mean of \d+ runs\)(.*)", re.DOTALL)
_VIEW = re.compile(r".* \((CC|MLO)\)", re.DOTALL)


def read_report(folder: Path) -> Report:
    """`folder/report.json`.

    Raises:
        InputError: it is missing, is not JSON, or is not a report of this version.
    """
    path = folder / "report.json"
    again = "Make the report again with `cadkit evaluate`."
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise InputError("there is no report.json", file=folder, mend=again) from None
    except ValueError as error:
        raise InputError(f"not a result of cadkit: {error}", file=path, mend=again) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise InputError(f"the result is not of the kind {SCHEMA}", file=path, row="schema", value=found, mend=again)
    # `__required_keys__` knows nothing of NotRequired where annotations are text.
    parts = get_type_hints(Report, include_extras=True)
    missing = sorted({name for name, kind in parts.items() if get_origin(kind) is not NotRequired} - content.keys())
    if missing:
        raise InputError("the result lacks a part", file=path, row=", ".join(missing), mend=again)
    return cast(Report, content)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number that a result may hold")


def whole(rows: Iterable[ResultRow]) -> list[ResultRow]:
    """Rows of the whole cohort, without those of subgroups."""
    return [row for row in rows if row["subgroup"] in WHOLE]


def is_chance(model: str) -> bool:
    """Whether this is no model but the random marks that it is compared with."""
    return model == RANDOM or model.startswith(OF_MODEL)


def model_order(report: Report) -> list[str]:
    """Names of all series of the result: models as listed, then further scores, chance last."""
    seen = [model["name"] for model in report["models"]]
    others = [row["model"] for row in (*report["results"], *report["curves"], *report.get("histograms", []))]
    names = list(dict.fromkeys([*seen, *others]))
    used = set(others)
    return sorted(beside([name for name in names if name in used]), key=is_chance)


def beside(names: Sequence[str]) -> list[str]:
    """Names in order, the mean over the runs of a group right after the group's ensemble."""
    ensembles = {name: found[1] + found[2] for name in names if (found := _MEAN.fullmatch(name))}
    means = {ensemble: name for name, ensemble in ensembles.items() if ensemble in names}
    rest = [name for name in names if name not in means.values()]
    return [one for name in rest for one in (name, means.get(name)) if one is not None]


def view_of(model: str) -> str:
    """The view that a model is judged on alone, which its name ends with; empty where it is judged on all."""
    found = _VIEW.fullmatch(model)
    return found[1] if found else ""


def tells(row: ResultRow) -> bool:
    """Whether a result tells anything: random marks keep their exam's scores, so their HR-AUC is the model's."""
    return not (is_chance(row["model"]) and row["metric"] == "hr_auc")
