"""`doctor`: what is active and what is missing."""

import sys
from pathlib import Path

import pytest

from assistant.doctor import Check, checks
from assistant.settings import Settings


def test_every_part_is_looked_at_and_what_is_missing_has_a_fix(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "none", llm="embedded", blip_model="limner/none")
    found = {check.name: check for check in checks(settings)}
    parts = {
        "embeddings",
        "library",
        "media",
        "cache",
        "captioner",
        "llm",
        "blip",
        "clip",
        "ocr",
        "libreoffice",
        "speech",
    }
    assert set(found) == parts
    assert found["llm"].ok
    assert "SmolLM2" in found["llm"].detail
    assert not found["library"].ok
    assert "limner add" in found["library"].fix
    assert not found["blip"].ok
    assert "limner models pull limner/none" in found["blip"].fix
    assert found["speech"].ok
    assert "English only" in found["speech"].detail
    assert all(check.fix for check in found.values() if not check.ok)


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = Settings(library=tmp_path, llm="embedded", cache_folder=tmp_path / "file" / "x")
    cache = next(check for check in checks(settings) if check.name == "cache")
    assert not cache.ok
    assert "cache_folder" in cache.fix


def test_libre_office_is_told_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)
    found = {check.name: check for check in checks(Settings(library=tmp_path, llm="embedded"))}
    assert not found["libreoffice"].ok
    assert "apt install" in found["libreoffice"].fix


def test_a_stopped_ollama_is_told_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path, llm="ollama", ollama_host="http://127.0.0.1:9")
    llm = next(check for check in checks(settings) if check.name == "llm")
    assert not llm.ok
    assert "ollama serve" in llm.fix


def test_an_embedding_model_that_is_not_here_is_told_and_the_rest_looked_at(
    tmp_path: Path,
) -> None:
    settings = Settings(library=tmp_path, llm="embedded", embedding_model="limner/none")
    found = {check.name: check for check in checks(settings)}
    assert not found["embeddings"].ok
    assert "limner/none" in found["embeddings"].fix
    assert found["ocr"].ok


def ocr_of(tmp_path: Path) -> Check:
    settings = Settings(library=tmp_path, llm="embedded")
    return next(check for check in checks(settings) if check.name == "ocr")


def test_an_ocr_engine_that_cannot_be_loaded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr = ocr_of(tmp_path)
    assert not ocr.ok
    assert "cannot be loaded" in ocr.detail
    assert "pip install" in ocr.fix


def test_an_ocr_model_whose_file_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "rapidocr-3.10.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: rapidocr\nVersion: 3.10.0\n")
    (installed / "RECORD").write_text("rapidocr/models/gone.onnx,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    ocr = ocr_of(tmp_path)
    assert not ocr.ok
    assert "gone.onnx" in ocr.detail


def test_a_speech_model_that_is_not_here_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path, llm="embedded", speech_model="small")
    speech = next(check for check in checks(settings) if check.name == "speech")
    assert not speech.ok
    assert "limner models pull Systran/faster-whisper-small" in speech.fix
