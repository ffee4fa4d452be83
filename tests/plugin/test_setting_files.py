"""Settings that name files: absolute paths, and the contents that make a prediction another one."""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path

import pytest
import tomli_w
from pydantic import Field

from cadkit import Config, InputError
from cadkit.plugin import setting_files
from cadkit.plugin.describing import settings_of
from cadkit.plugin.setting_files import with_files


class Files(Config):
    weights: Path = Path("net.pt")
    second: Path | None = None
    members: tuple[Path, ...] = ()
    heads: dict[str, Path] = Field(default_factory=dict)
    name: str = "net.pt"


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("net", "a", "b"):
        Path(f"{name}.pt").write_text(name)
    return tmp_path


def test_paths_become_absolute_and_contents_are_told_by_setting(here: Path) -> None:
    values = {"members": ["b.pt", "a.pt"], "heads": {"mass": "a.pt"}, "second": here / "b.pt"}
    config, contents = with_files(Files.make(values=values))
    assert config == Files(
        weights=here / "net.pt",
        second=here / "b.pt",
        members=(here / "b.pt", here / "a.pt"),
        heads={"mass": here / "a.pt"},
    )
    assert contents == {
        "weights": sha256("net"), "second": sha256("b"), "members": [sha256("b"), sha256("a")],
        "heads": {"mass": sha256("a")},
    }  # fmt: skip


def test_a_setting_that_names_no_file_is_left_out_and_toml_gives_the_same_back(here: Path) -> None:
    config, contents = with_files(Files())
    assert contents == {"weights": sha256("net")}
    assert Files.make(values=tomllib.loads(tomli_w.dumps(config.to_toml()))) == config
    assert Files.make(values=tomllib.loads(tomli_w.dumps(Files().to_toml()))) == Files()


def test_of_a_folder_names_and_contents_of_all_files_count(here: Path) -> None:
    def content() -> str:
        return str(with_files(Files(weights=Path("model")))[1]["weights"])

    (here / "model" / "deep").mkdir(parents=True)
    Path("model/config.json").write_text("{}")
    Path("model/deep/net.bin").write_text("1")
    lines = "".join(f"{sha256(text)[7:]} {name}\n" for name, text in (("config.json", "{}"), ("deep/net.bin", "1")))
    first = content()
    assert first == sha256(lines)
    Path("model/deep/net.bin").write_text("2")
    second = content()
    Path("model/deep/net.bin").rename("model/net.bin")
    assert len({first, second, content()}) == 3


def test_a_link_keeps_its_name(here: Path) -> None:
    (here / "blob").write_text("net")
    (here / "latest.onnx").symlink_to(here / "blob")
    config, contents = with_files(Files(weights=Path("latest.onnx")))
    assert (config.weights, contents["weights"]) == (here / "latest.onnx", sha256("net"))


def test_the_home_folder_is_known(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    assert with_files(Files(weights=Path("~/a.pt")))[0].weights == here / "a.pt"


@pytest.mark.parametrize(("path", "what"), [("gone.pt", "no file or folder that is there"), ("", "names no file")])
def test_what_is_not_there_is_an_error_that_names_setting_and_path(here: Path, path: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        with_files(Files.make(values={"second": path}))
    text = str(caught.value)
    assert what in text
    assert str(here / path if path else ".") in text
    assert "the setting second" in text
    assert "--set second=PATH" in text


def test_a_large_file_is_read_once_while_size_and_time_stay(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_files, "_LARGE", 3)
    os.utime("net.pt", ns=(0, 1))
    first = with_files(Files())[1]["weights"]
    Path("net.pt").write_text("ten")
    os.utime("net.pt", ns=(0, 1))
    assert with_files(Files())[1]["weights"] == first == sha256("net")
    os.utime("net.pt", ns=(0, 2))
    assert with_files(Files())[1]["weights"] == sha256("ten")


def test_the_kind_is_told() -> None:
    kinds = {row.name: row.kind for row in settings_of(Files)}
    assert kinds == {
        "weights": "file or folder",
        "second": "file or folder or none",
        "members": "list: file or folder",
        "heads": "table",
        "name": "text",
    }
