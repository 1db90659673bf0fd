"""Settings: where they come from and what is refused."""

from pathlib import Path

import pytest

from assistant.errors import SettingsInvalid
from assistant.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_go_before_environment_before_file_before_defaults(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_settings().n_sources == 8
    (empty_folder / "limner.toml").write_text("n_sources = 9\nllm = 'ollama'\n")
    assert read_settings().n_sources == 9
    monkeypatch.setenv("LIMNER_N_SOURCES", "10")
    assert read_settings().n_sources == 10
    assert read_settings(n_sources=11).n_sources == 11
    assert read_settings(n_sources=None, llm=None).llm == "ollama"


def test_an_unknown_key_in_the_file_is_refused(empty_folder: Path) -> None:
    (empty_folder / "limner.toml").write_text("modle = 'x'\n")
    with pytest.raises(SettingsInvalid, match="modle"):
        read_settings()


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_MODLE", "x")
    with pytest.raises(SettingsInvalid, match="LIMNER_MODLE is not a setting"):
        read_settings()


def test_a_value_out_of_range_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="n_sources = 0 is not valid"):
        read_settings(n_sources=0)


def test_a_broken_file_is_named(empty_folder: Path) -> None:
    (empty_folder / "limner.toml").write_text("n_sources = = 3")
    with pytest.raises(SettingsInvalid, match=r"limner\.toml cannot be read"):
        read_settings()


def test_the_value_of_a_misspelt_key_is_not_printed(empty_folder: Path) -> None:
    (empty_folder / "limner.toml").write_text("openai_api_keyy = 'sesame'\n")
    with pytest.raises(SettingsInvalid, match="openai_api_keyy is not valid") as raised:
        read_settings()
    assert "sesame" not in str(raised.value)


def test_a_key_is_not_printed() -> None:
    assert "sesame" not in repr(Settings(openai_api_key="sesame"))


def test_a_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_PASSWORD", "sesame")
    settings = read_settings()
    assert settings.password is not None
    assert settings.password.get_secret_value() == "sesame"
    assert "sesame" not in repr(settings)
