"""Files that another program holds open for a moment, or for longer."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from generio_flows.core import files
from generio_flows.core.disk_errors import disk_trouble

HOLD = "import sys; file = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"


@contextmanager
def held(path: Path) -> Iterator[Callable[[], None]]:
    """Another process has the file open, until what is given is called."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        yield process.stdin.close
        process.stdin.close()


class Refusing:
    """Stands for a function of the system that is refused so many times, as on Windows."""

    def __init__(self, work: Callable[..., object], times: int, code: int = 32) -> None:
        self.work, self.times, self.code = work, times, code
        self.calls = 0

    def __call__(self, *arguments: object, **options: object) -> object:
        self.calls += 1
        if self.calls > self.times:
            return self.work(*arguments, **options)
        error = PermissionError(13, "another program uses it")
        error.winerror = self.code
        raise error


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    return source, target


@pytest.mark.parametrize("code", [5, 32, 33])
def test_a_file_that_is_held_for_a_moment_is_replaced(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, code: int
):
    monkeypatch.setattr(os, "replace", Refusing(os.replace, 3, code))
    files.replace(*pair)
    assert pair[1].read_text() == "new"


def test_a_file_that_stays_held_is_an_error_after_a_while(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(os, "replace", Refusing(os.replace, 10**9))
    with pytest.raises(PermissionError):
        files.replace(*pair)
    assert pair[0].read_text() == "new"


def test_what_no_waiting_helps_is_tried_once(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    refusing = Refusing(os.replace, 10**9, code=3)
    monkeypatch.setattr(os, "replace", refusing)
    with pytest.raises(PermissionError):
        files.replace(*pair)
    assert refusing.calls == 1


def test_a_file_is_deleted_or_said_to_stay(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda *given, **more: refusing(*given, **more))
    refusing = Refusing(unlink, 2)
    assert files.delete(pair[0]) and not pair[0].exists()
    assert files.delete(pair[0]), "it is gone already"
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.0)
    refusing = Refusing(unlink, 10**9)
    assert not files.delete(pair[1])


def test_of_a_folder_goes_what_can_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/one").touch()
    monkeypatch.setattr(shutil, "rmtree", Refusing(shutil.rmtree, 2))
    assert files.delete_folder(folder) and not folder.exists()
    assert files.delete_folder(folder), "it is gone already"


@pytest.mark.slow
def test_a_file_that_another_process_has_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Systems other than Windows let it be replaced and deleted all the same."""
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.2)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.glb").write_bytes(b"open")
    (folder / "other.glb").write_bytes(b"not open")
    free = os.name != "nt"
    with held(folder / "model.glb") as let_go:
        assert files.delete(folder / "model.glb") is free
        assert files.delete_folder(folder) is free
        assert not (folder / "other.glb").exists()
        let_go()
    assert files.delete_folder(folder)


@pytest.mark.slow
def test_a_temporary_folder_with_an_open_file_raises_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.2)
    with files.temporary_folder("generio-") as folder:
        (folder / "log").touch()
        let = held(folder / "log")
        let.__enter__()
    let.__exit__(None, None, None)
    assert files.delete_folder(folder)


@pytest.mark.parametrize(
    ("code", "name", "trouble"),
    [
        (3, "x" * 300, "too_long"),
        (206, "x" * 260, "too_long"),
        (3, "\N{OWL}" * 130, "too_long"),
        (3, "x" * 20, "other"),
    ],
)
def test_windows_does_not_say_that_a_path_is_too_long(code: int, name: str, trouble: str):
    error = FileNotFoundError(2, "no such path", name)
    error.winerror = code
    assert disk_trouble(error) == trouble


@pytest.mark.parametrize(("folder", "trouble"), [(".", "forbidden"), ("gone", "other")])
def test_windows_does_not_say_that_it_protects_a_folder(tmp_path: Path, folder: str, trouble: str):
    """A program that may not write into Documents is told that the new file is not there."""
    error = FileNotFoundError(2, "the system cannot find the file", str(tmp_path / folder / "lamp.glb"))
    error.winerror = 2
    assert disk_trouble(error) == trouble
