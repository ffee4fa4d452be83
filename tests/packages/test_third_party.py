"""The example of a stranger's plugin, installed from its wheel beside the core's, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

from clean_environment import ROOT, Environment

from cadkit.phantom import make_phantom
from cadkit.prepare import prepare

WHERE = 'python -c "import cadkit, cadkit_spots; print(cadkit.__file__, cadkit_spots.__file__)"'


def test_a_strangers_plugin_is_checked_trained_and_evaluated(full: Environment, tmp_path: Path) -> None:
    make_phantom(tmp_path / "D", exams=16, size=(320, 208), difficulty="easy", workers=1, quiet=True)
    prepare(tmp_path / "D", workers=1, quiet=True)
    assert str(ROOT) not in full.said(WHERE, tmp_path)
    rows = {row["name"]: row for row in json.loads(full.said("cadkit plugins --json", tmp_path))}
    assert (rows["spots"]["ok"], rows["spots"]["distribution"]) == (True, "cadkit-spots")
    checked = json.loads(full.said("cadkit plugin check spots --json", tmp_path))
    assert checked["counts"] == {"passed": 29, "skipped": 2}
    full.said("cadkit train spots --data D --preset tiny --set epochs=1", tmp_path)
    full.said("cadkit predict --saliency runs/spots-1", tmp_path)
    full.said("cadkit evaluate --froc --bootstrap 20 predictions/spots-1-test", tmp_path)
    assert (tmp_path / "report" / "spots-1-test" / "report.html").exists()
