"""Plugins that are broken in every way: each is a row with its reason, and none ends anything else."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.plugin import registry
from cadkit.plugin.registry import installed, listing, load

GOOD = """
import cadkit
class Good(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk", localizes="marks", paper="Somebody 2020")
    def predict_image(self, image): ...
class Config(cadkit.Config):
    presets = {"tiny": {}}
class Trains(Good):
    Config = Config
    def train(self, data, run): ...
"""
MODULES = {
    "fk_good": GOOD,
    "fk_import": "import a_module_that_nobody_has\n",
    "fk_exit": "import sys\nprint('licence expired')\nsys.exit('no licence')\n",
    "fk_prints": "import sys\nprint('hello')\nprint('there', file=sys.stderr)\n" + GOOD,
    "fk_bytes": "import os, atexit\nos.write(1, b'\\xff\\xfe 5')\natexit.register(print, 'bye')\n" + GOOD,
    "fk_api": GOOD.replace('paper="Somebody 2020"', "api=2"),
    "fk_os_exit": "import os\nos.write(1, b'5\\n')\nos._exit(3)\n",
    "fk_plain": "class Plain: pass\nclass NoInfo:\n    pass\n",
    "fk_no_info": "import cadkit\nclass NoInfo(cadkit.Model): pass\n",
    "fk_interrupt": "raise RuntimeError('two\\nlines')\n",
}
POINTS = {
    "fake-good": {"good": "fk_good:Good", "trains": "fk_good:Trains"},
    "fake-import": {"missing-library": "fk_import:Good"},
    "fake-exit": {"exits": "fk_exit:Good"},
    "fake-prints": {"prints": "fk_prints:Good"},
    "fake-bytes": {"bytes": "fk_bytes:Good"},
    "fake-nothing": {"nothing": "fk_good:Nothing", "nowhere": "fk_nowhere:Model"},
    "fake-api": {"newer": "fk_api:Good"},
    "fake-gone": {"gone": "fk_os_exit:Good"},
    "fake-plain": {"plain": "fk_plain:Plain", "no-info": "fk_no_info:NoInfo"},
    "fake-raises": {"raises": "fk_interrupt:Good"},
    "fake-text": {"no-target": "not a module!"},
    "twin-a": {"twin": "fk_good:Good"},
    "twin-b": {"twin": "fk_import:Good"},
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions as pip leaves them, first on the path, also of child processes."""
    folder = tmp_path / "site"
    folder.mkdir()
    for module, text in MODULES.items():
        (folder / f"{module}.py").write_text(text)
    for distribution, points in POINTS.items():
        info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\n{lines}")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield folder
    for module in MODULES:
        sys.modules.pop(module, None)


def test_names_come_from_metadata_alone(site: Path) -> None:
    names = installed()
    assert {"good", "trains", "gone", "exits", "nowhere"} <= names.keys()
    row = names["good"][0]
    assert (row.name, row.distribution, row.version, row.target) == ("good", "fake-good", "1.5", "fk_good:Good")
    assert not [module for module in sys.modules if module.startswith("fk_")]


def test_two_plugins_of_one_name_are_both_there_under_longer_names(site: Path) -> None:
    names = installed()
    assert {"twin-a:twin", "twin-b:twin"} <= names.keys()
    assert "twin" not in names
    with pytest.raises(InputError, match=r"several.*twin-a:twin or twin-b:twin"):
        load("twin")
    model, row = load("twin-a:twin")
    assert (model.__name__, row.distribution) == ("Good", "twin-a")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("missing-library", r"raised ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
        ("exits", r"exited: no licence.*It printed: licence expired"),
        ("nothing", r"raised AttributeError.*Nothing"),
        ("nowhere", r"raised ModuleNotFoundError"),
        ("newer", r"version 2 of the plugin contract, this cadkit has 1"),
        ("plain", r"not a subclass of cadkit\.Model"),
        ("no-info", r"states no `info = cadkit\.ModelInfo"),
        ("raises", r"raised RuntimeError"),
        ("no-target", r"cannot be used: its import raised"),
        ("absent", r"there is no plugin absent; there are: .*good"),
        ("model.py", r"the class is missing.*model\.py:Class"),
    ],
)
def test_a_broken_plugin_is_the_users_error_with_its_reason(site: Path, name: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        load(name)
    assert caught.value.exit_status == 2
    assert load("good")[0].__name__ == "Good"


def test_what_a_plugin_prints_at_import_is_not_shown(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert load("prints")[0].__name__ == "Good"
    assert capfd.readouterr() == ("", "")


def test_control_c_is_not_swallowed(site: Path) -> None:
    (site / "fk_interrupt.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load("raises")


def test_the_list_has_a_row_for_every_plugin_whatever_it_does(
    site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    some = (
        "trains",
        "missing-library",
        "exits",
        "bytes",
        "gone",
        "twin-a:twin",
        "twin-b:twin",
        "prints",
        "newer",
        "nowhere",
    )
    mine = {name: pair for name, pair in installed().items() if name in some}
    monkeypatch.setattr(registry, "installed", lambda: mine)
    # A file of the working directory must not take a library's place in the child process.
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    rows = {row.name: row for row in listing()}
    assert rows.keys() == set(some)
    assert {name for name, row in rows.items() if row.ok} == {"trains", "bytes", "twin-a:twin", "prints"}
    assert rows["prints"].reason == "its import prints: there"
    assert "version 2 of the plugin contract" in rows["newer"].reason
    assert "fk_nowhere" in rows["nowhere"].reason
    assert "a_module_that_nobody_has" in rows["missing-library"].reason
    assert "no licence" in rows["exits"].reason
    assert "ended the process: 5" in rows["gone"].reason
    trains, good = rows["trains"], rows["twin-a:twin"]
    assert (trains.trainable, trains.presets) == (True, ("tiny",))
    assert (good.trainable, good.presets, good.labels) == (False, (), ("malignant",))
    assert (good.localizes, good.paper, good.version) == ("marks", "Somebody 2020", "1.5")


def test_a_distribution_whose_metadata_are_lost_is_still_listed(site: Path) -> None:
    (site / "fake_good-1.5.dist-info" / "METADATA").unlink()
    row, _ = installed()["good"]
    assert (row.distribution, row.version) == ("?", "?")
    assert load("good")[0].__name__ == "Good"


def test_lost_metadata_where_newer_importlib_raises(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: Distribution) -> None:
        raise FileNotFoundError("No package metadata was found.")

    kind = type(installed()["good"][1].dist)
    monkeypatch.setattr(kind, "metadata", property(lost))
    assert (installed()["good"][0].distribution, installed()["good"][0].version) == ("?", "?")


def test_a_plugin_that_hangs_is_a_row(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "fk_good.py").write_text("import threading\nthreading.Event().wait()\n")
    good = {"good": installed()["good"]}
    monkeypatch.setattr(registry, "installed", lambda: good)
    monkeypatch.setattr(registry, "_SECONDS_TO_IMPORT", 1)
    (row,) = listing()
    assert not row.ok
    assert "took more than 1 s" in row.reason


def test_a_class_in_a_file_needs_no_installation(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(GOOD)
    model, row = load(f"{path}:Good")
    assert model.info.labels == ("malignant",)
    assert row.name == f"{path}:Good"
    before = row.version
    path.write_text(f"{GOOD}# changed\n")
    assert before.startswith("sha256:")
    assert load(f"{path}:Good")[1].version != before
    with pytest.raises(InputError, match="Other"):
        load(f"{path}:Other")
    with pytest.raises(InputError, match="no such file"):
        load(f"{tmp_path / 'absent.py'}:Good")


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_own.py").write_text("LABELS = ('malignant',)\n")
    path = tmp_path / "own.py"
    path.write_text("import beside_own\n" + GOOD.replace('("malignant",)', "beside_own.LABELS"))
    before = list(sys.path)
    model, _ = load(f"{path}:Good")
    assert model.info.labels == ("malignant",)
    assert sys.path == before
    del sys.modules["beside_own"]
