"""Plugins that are broken in every way: each is a row with its reason, and none ends anything else."""

from __future__ import annotations

import pickle
import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.plugin import registry
from cadkit.plugin.registry import BrokenPlugin, installed, load, name_of


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
        ("doubled", r"one name to several classes: fk_good:Good and fk_good:Trains.*pip uninstall fake-good"),
        ("absent", r"there is no plugin absent; there are: .*good"),
        ("model.py", r"the class is missing.*model\.py:Class"),
    ],
)
def test_a_broken_plugin_is_the_users_error_with_its_reason(site: Path, name: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        load(name)
    assert caught.value.exit_status == 2
    assert load("good")[0].__name__ == "Good"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("missing-library", "Install what brings the module a_module_that_nobody_has, .*`pip uninstall fake-import`"),
        ("nowhere", "^Install it anew, or do without: `pip uninstall fake-nothing`.$"),
        ("raises", "^Mend it or tell its author, or do without: `pip uninstall fake-raises`.$"),
        ("newer", "^Install a newer version of cadkit.$"),
    ],
)
def test_what_to_do_about_it(site: Path, name: str, mend: str) -> None:
    with pytest.raises(BrokenPlugin) as caught:
        load(name)
    assert re.search(mend, caught.value.mend)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason) == (str(caught.value), caught.value.reason)


def test_a_plugin_of_an_older_contract_is_to_be_replaced(tmp_path: Path, good: str) -> None:
    path = tmp_path / "old.py"
    path.write_text(good.replace('paper="Somebody 2020"', "api=0"))
    with pytest.raises(BrokenPlugin, match="Install a newer version of the plugin"):
        load(f"{path}:Good")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Config = dict", "its Config is not a subclass of cadkit.Config but <class 'dict'>"),
        ("presets = None", "its presets are not a table of settings by name"),
        ("presets = {'tiny': 3}", "its presets are not a table of settings by name"),
    ],
)
def test_settings_that_are_none_are_told(tmp_path: Path, good: str, line: str, reason: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(good.replace("Config = Config" if line[0] == "C" else 'presets = {"tiny": {}}', line))
    with pytest.raises(BrokenPlugin) as caught:
        load(f"{path}:Trains")
    assert (caught.value.reason, caught.value.mend) == (reason, "Mend the file.")


def test_a_plugin_is_known_by_its_distribution_whatever_others_share_its_name(site: Path) -> None:
    assert name_of("twin", "twin-a") == "twin-a:twin"
    assert name_of("twin-b:twin", "twin-b", "1.5") == "twin-b:twin"  # as older runs have it
    assert name_of("good", "Fake_Good", "0.1") == "good"
    assert name_of("models/own.py:Own", "own.py") == "models/own.py:Own"
    assert name_of("twin", "") == name_of("twin", "?") == "twin"


def test_another_distributions_plugin_of_that_name_is_never_taken(site: Path) -> None:
    with pytest.raises(InputError) as caught:
        name_of("good", "hospital", "3.0", file=Path("runs/good-1/run.toml"))
    assert str(caught.value) == (
        "runs/good-1/run.toml: it was made with the plugin good of hospital 3.0, which is not here; the good that is "
        "installed belongs to fake-good 1.5. Install that: `pip install hospital==3.0`."
    )
    with pytest.raises(InputError, match=r"absent of hospital, which is not here\. Install .*`pip install hospital`"):
        name_of("absent", "hospital")


def test_what_a_plugin_prints_at_import_is_not_shown(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert load("prints")[0].__name__ == "Good"
    assert capfd.readouterr() == ("", "")


def test_control_c_is_not_swallowed(site: Path) -> None:
    (site / "fk_interrupt.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load("raises")


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


def test_a_class_in_a_file_needs_no_installation(tmp_path: Path, good: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(good)
    model, row = load(f"{path}:Good")
    assert model.info.labels == ("malignant",)
    assert row.name == f"{path}:Good"
    before = row.version
    path.write_text(f"{good}# changed\n")
    assert before.startswith("sha256:")
    assert load(f"{path}:Good")[1].version != before
    with pytest.raises(InputError, match=r"the file has no such class \(found: 'Other'\).* Good") as caught:
        load(f"{path}:Other")
    assert "AttributeError" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        load(f"{tmp_path / 'absent.py'}:Good")


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path, good: str) -> None:
    (tmp_path / "beside_own.py").write_text("LABELS = ('malignant',)\n")
    path = tmp_path / "own.py"
    path.write_text("import beside_own\n" + good.replace('("malignant",)', "beside_own.LABELS"))
    before = list(sys.path)
    model, _ = load(f"{path}:Good")
    assert model.info.labels == ("malignant",)
    assert sys.path == before
    del sys.modules["beside_own"]


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "It has no subclass of cadkit.Model"),
        ("class One(cadkit.Model): ...\n", r"It has One: name it .*own[.]py:One[.]$"),
        ("class One(cadkit.Model): ...\nclass Two(One): ...\nfrom cadkit import Model\n", "models are One, Two[.]$"),
    ],
)
def test_of_a_file_without_the_class_the_classes_are_named(tmp_path: Path, text: str, mend: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(f"import cadkit\n{text}")
    with pytest.raises(InputError, match=mend):
        load(f"{path}:Good")


def test_a_file_that_lacks_a_module_wants_it_installed(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("import a_module_that_nobody_has.within\n")
    with pytest.raises(BrokenPlugin) as caught:
        load(f"{path}:Good")
    assert caught.value.mend == "Install what brings the module a_module_that_nobody_has, or mend the file."


@pytest.mark.parametrize(
    ("name", "said"), [("goood", "Did you mean good[?] See `cadkit plugins`"), ("gmik", "Did you mean gmic[?]")]
)
def test_a_name_that_is_almost_one_is_guessed_and_none_is_to_be_installed(site: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load(name)
    assert "pip install" not in str(caught.value)


def test_of_its_own_plugins_cadkit_says_how_they_are_installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = Path(__file__).parents[2] / "plugins"
    assert sorted(registry.OWN) == sorted(path.parent.name for path in folders.glob("*/pyproject.toml"))
    monkeypatch.setattr(registry, "installed", dict)
    with pytest.raises(InputError, match="one of cadkit's own: `pip install cadkit-faster-rcnn`"):
        load("faster_rcnn")
