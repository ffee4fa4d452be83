"""A new plugin is four files that install and pass every check as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.testing import check_plugin, checks
from cadkit.testing.new import new_plugin

COMMAND = "from cadkit.cli import main; main()"


def built_into(site: Path, folder: Path) -> dict[str, str]:
    """Build a distribution's wheel and put it into a folder, as pip does; an environment that has it."""
    wheels = folder.parent / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return {**os.environ, "PYTHONPATH": str(site)}


def run(words: list[str], cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, check=False, capture_output=True, text=True)


def test_a_new_plugin_installs_and_passes_its_checks(tmp_path: Path) -> None:
    made = new_plugin("my_model", out=tmp_path / "mine")
    names = {"pyproject.toml", "README.md", "cadkit_my_model.py", "test_cadkit_my_model.py"}
    assert made.folder == tmp_path / "mine" / "my_model"
    assert {path.name for path in made.folder.iterdir()} == names == set(made.files)
    assert made.warnings == ()
    env = built_into(tmp_path / "site", made.folder)
    assert not list((tmp_path / "site").glob("test_*"))
    done = run(["-P", "-c", COMMAND, "plugin", "check", "my_model", "--json"], tmp_path, env)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["counts"] == {"passed": 21, "skipped": 10}
    assert [row["id"] for row in report["checks"]] == [each.id for each in checks()]
    own = run(["-m", "pytest", "-q", "-p", "no:cacheprovider"], made.folder, env)
    assert "21 passed, 10 skipped" in own.stdout


def test_a_new_trainable_plugin_passes_its_checks(tmp_path: Path) -> None:
    made = new_plugin("deep_one", trainable=True, out=tmp_path)
    others = [each.id for each in checks() if each.id not in ("static-loads", "train-ranks")]
    report = check_plugin(f"{made.folder}/cadkit_deep_one.py:DeepOne", only=others)
    assert report.counts == {"passed": 27, "skipped": 2}, report


@pytest.mark.slow
def test_a_new_trainable_plugin_installs_and_passes_its_own_test(tmp_path: Path) -> None:
    made = new_plugin("deep_one", trainable=True, out=tmp_path)
    env = built_into(tmp_path / "site", made.folder)
    own = run(["-m", "pytest", "-q", "-p", "no:cacheprovider"], made.folder, env)
    assert "29 passed, 2 skipped" in own.stdout, own.stdout


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("MyModel", "my_model"),
        ("my-model", "my_model"),
        ("2nd_try", "nd_try"),
        ("a__b", "a_b"),
        ("../up", "up"),
        ("", "my_model"),
        ("größe", "gr_e"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_one_that_can(tmp_path: Path, name: str, proposed: str) -> None:
    with pytest.raises(InputError, match=f"lower-case letters.*For instance {proposed}[.]"):
        new_plugin(name, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_keyword_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a keyword of Python \(found: 'class'\). For instance my_model[.]"):
        new_plugin("class", out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="something of that name already"):
        new_plugin("mine", out=tmp_path)
    assert not list((tmp_path / "mine").iterdir())


def test_a_link_that_leads_nowhere_is_left_alone_too(tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to("nowhere")
    with pytest.raises(InputError, match="there is something of that name already"):
        new_plugin("mine", out=tmp_path)
    assert (tmp_path / "mine").is_symlink()


def test_a_place_that_is_no_folder_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file: no folder can be made here: .*another --out"):
        new_plugin("mine", out=tmp_path / "file")


@pytest.mark.parametrize("name", ["cadkit", "torch", "numpy", "scikit_learn", "json"])
def test_a_librarys_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"a library is called that.*For instance {name}_model[.]"):
        new_plugin(name, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "class_name"), [("config", "Config"), ("none", "None"), ("true", "True")])
def test_a_name_whose_class_cannot_be_called_so_is_refused(tmp_path: Path, name: str, class_name: str) -> None:
    with pytest.raises(InputError, match=f"would be called {class_name}.*For instance {name}_model[.]"):
        new_plugin(name, out=tmp_path)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for distribution, name in (("cadkit-first", "first"), ("hospital", "second")):
        info = tmp_path / "site" / f"{distribution.replace('-', '_')}-3.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 3.0\n")
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\n{name} = nowhere:Model\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def test_a_distribution_that_is_installed_is_not_replaced(tmp_path: Path, site: Path) -> None:
    with pytest.raises(InputError, match=r"cadkit-first 3\.0 is installed.*or `pip uninstall cadkit-first` first"):
        new_plugin("first", out=tmp_path)
    assert not (tmp_path / "first").exists()


def test_the_name_of_another_distributions_plugin_is_refused(tmp_path: Path, site: Path) -> None:
    with pytest.raises(InputError, match=r"installed already \(hospital 3\.0\).*For instance second_2\."):
        new_plugin("second", out=tmp_path)
    assert not (tmp_path / "second").exists()


def test_a_module_of_that_name_is_warned_of(tmp_path: Path, site: Path) -> None:
    (site / "cadkit_third.py").touch()
    (warning,) = new_plugin("third", out=tmp_path).warnings
    assert "there is a module cadkit_third already" in warning
