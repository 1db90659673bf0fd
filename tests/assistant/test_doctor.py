"""`doctor`: what is active and what is missing."""

from pathlib import Path

from assistant.doctor import checks
from assistant.settings import Settings


def test_every_part_is_looked_at_and_what_is_missing_has_a_fix(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "none", llm="embedded", blip_model="limner/none")
    found = {check.name: check for check in checks(settings)}
    assert set(found) == {"embeddings", "library", "media", "llm", "blip", "ocr"}
    assert found["llm"].ok
    assert "SmolLM2" in found["llm"].detail
    assert not found["library"].ok
    assert "limner add" in found["library"].fix
    assert not found["blip"].ok
    assert "hf download limner/none" in found["blip"].fix
    assert all(check.fix for check in found.values() if not check.ok)


def test_a_stopped_ollama_is_told_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path, llm="ollama", ollama_host="http://127.0.0.1:9")
    llm = next(check for check in checks(settings) if check.name == "llm")
    assert not llm.ok
    assert "ollama serve" in llm.fix
