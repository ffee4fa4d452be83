"""Whether two predictions were made by one model, as far as they record it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cadkit.errors import InputError
from cadkit.prediction import Predictions

_OPTION = "--threshold-from"


def check_same_model(name: str, evaluated: Predictions, validation: Predictions) -> str | None:
    """A warning where it cannot be told that the validation predictions are of the model that they lock; else None.

    Args:
        name: of the model that is evaluated.
        evaluated: its predictions.
        validation: those on which its thresholds are locked.

    Raises:
        InputError: both record who made them, and it was not the same.
    """
    same = _same(evaluated.record, validation.record)
    if same is False:
        raise InputError(
            f"the thresholds of {name} ({_made_by(evaluated.record)}) would be locked on {validation.title} "
            f"({_made_by(validation.record)}), which is another model",
            row=_OPTION,
            value=str(validation.folder),
            mend="Give it once for every model, in the order of the models: the same run, predicting validation.",
        )
    if same is None:
        return (
            f"The thresholds of {name} were locked on {validation.title}. Whether both are of one model cannot be "
            "told, since not both record the run that made them."
        )
    return None


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool | None:
    """Whether two records are of one model; None where a side does not say."""
    models = one.get("model"), other.get("model")
    if all(models) and models[0] != models[1]:
        return False
    if one.get("parts") and other.get("parts"):
        return _same_parts(one["parts"], other["parts"])
    runs = one.get("run"), other.get("run")
    if all(runs):
        began = one.get("run_created"), other.get("run_created")
        # A run that was moved is the same; one that was trained again in the same place is not.
        return bool(began[0] == began[1]) if all(began) else bool(runs[0] == runs[1])
    # Neither run: a plugin that needs no training is known by its name alone.
    return True if all(models) and not any(runs) else None


def _same_parts(mine: list[Mapping[str, Any]], others: list[Mapping[str, Any]]) -> bool | None:
    if len(mine) != len(others):
        return False
    found = [_same(a, b) for a, b in zip(mine, others, strict=True)]
    found += [a.get("weight") == b.get("weight") for a, b in zip(mine, others, strict=True)]
    if False in found:
        return False
    return None if None in found else True


def _made_by(record: Mapping[str, Any]) -> str:
    if record.get("parts"):
        return "mean of " + ", ".join(f"{part['name']} x {part['weight']:.3g}" for part in record["parts"])
    run = f", run {record['run']}" if record.get("run") else ""
    began = f" of {record['run_created']}" if run and record.get("run_created") else ""
    return f"{record.get('model', 'unknown')}{run}{began}"
