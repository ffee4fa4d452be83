"""`cadkit plugins` and `cadkit doctor` as they are read."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cadkit.cli.app import app
from cadkit.plugin import listing
from cadkit.plugin.listing import Listed
from cadkit.testing import doctor

PRESETS = ("paper", "paper_resnet101", "box_scaling")
FOUND = [
    Listed("faster_rcnn", "cadkit-faster-rcnn", "0.1.0", True, labels=("benign", "malignant"), localizes="marks",
           trainable=True, paper="Févry et al., Improving ..., MIDL 2019", presets=PRESETS),
    Listed("mean", "?", "?", True, note="its import prints: hello", labels=("malignant",), paper="Somebody 2020"),
    Listed("libs", "hospital", "2.1", False, "its import raised OSError: libcudnn.so.9: cannot open shared object file",
           'torch is not installed: pip install "cadkit[torch]".'),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "listing", lambda tell: FOUND)


def printed(monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = CliRunner().invoke(app, ["plugins"])
    assert done.exit_code == 0
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_at_80_columns_no_word_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 80)
    assert max(map(len, lines)) <= 80
    words = {word.strip(",") for line in lines for word in line.split()}
    assert {"faster_rcnn", "cadkit-faster-rcnn", "malignant", *PRESETS, "Févry", "2019"} <= words


def test_a_row_at_140_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 140)
    row = next(line for line in lines if line.startswith("faster_rcnn"))
    assert row.split("  ")[-1].strip() == "Févry et al. 2019"
    assert "benign, malignant  marks      yes                paper, paper_resnet101, box_scaling" in row
    other = next(line for line in lines if line.startswith("mean"))
    assert other.split() == ["mean", "malignant", "no", "no", "need", "Somebody", "2020"]


def test_what_is_odd_and_what_is_broken_follow_over_the_whole_width(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 80)
    assert "Note on mean: its import prints: hello." in lines
    assert lines[lines.index("Installed, but cannot be used:") + 1 :] == [
        "libs (hospital 2.1): its import raised OSError: libcudnn.so.9: cannot open",
        '  shared object file. torch is not installed: pip install "cadkit[torch]".',
    ]


def test_as_json() -> None:
    rows = json.loads(CliRunner().invoke(app, ["plugins", "--json"]).stdout)
    assert [(row["name"], row["ok"]) for row in rows] == [("faster_rcnn", True), ("mean", True), ("libs", False)]
    assert rows[2]["mend"] == 'torch is not installed: pip install "cadkit[torch]".'
    assert (rows[0]["presets"], rows[1]["note"]) == (list(PRESETS), "its import prints: hello")


def test_none_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "listing", lambda tell: [])
    assert CliRunner().invoke(app, ["plugins"]).stdout == (
        "No plugin is installed; for one of cadkit's own: pip install cadkit-gmic\n"
    )


def test_the_doctor_says_which_plugins_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "listing_and_device", lambda tell: (FOUND, "cpu"))
    findings = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert findings["Plugins"] == [
        {"name": "faster_rcnn", "distribution": "cadkit-faster-rcnn 0.1.0", "state": "ok"},
        {"name": "mean", "distribution": "unknown distribution", "state": "its import prints: hello"},
        {
            "name": "libs",
            "distribution": "hospital 2.1",
            "state": "cannot be used: its import raised OSError: libcudnn.so.9: cannot open shared object file. "
            'torch is not installed: pip install "cadkit[torch]".',
        },
    ]
    assert {"what": "device for training", "value": "cpu"} in findings["Machine"]
    monkeypatch.setenv("COLUMNS", "200")
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert 'pip install "cadkit[torch]".' in text
