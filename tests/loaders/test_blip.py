"""BLIP with random weights: how captions are decoded, and where its weights come from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from loaders.captioning.blip import (
    MAX_NEW_TOKENS,
    BlipCaptioner,
    missing_weights,
)
from loaders.captioning.caption_text import tidied, whole_phrase
from loaders.errors import PartMissing

VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK] [DEC]
    a an the of with red blue green square circle chart map table line bar big small"""
LOADED = ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json")
WAYS = [(1, None), (3, None), (1, "a chart of"), (3, "a chart of")]


@pytest.fixture(scope="session")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real BLIP with random weights, small enough for a test: its words mean nothing."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY.split()))
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        # Large enough for the words to depend on the picture.
        "initializer_range": 0.3,
    }
    ends = {"bos_token_id": 5, "pad_token_id": 0, "eos_token_id": 3, "sep_token_id": 3}
    torch.manual_seed(0)
    config = BlipConfig(
        text_config=small
        | ends
        | {"vocab_size": len(VOCABULARY.split()), "encoder_hidden_size": 32},
        vision_config=small | {"image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    pictures = BlipImageProcessorPil(size={"height": 32, "width": 32})
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"))
    BlipProcessor(pictures, tokenizer).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


@pytest.fixture
def copied(blip_folder: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may damage."""
    return Path(shutil.copytree(blip_folder, tmp_path / "copied"))


def pictures(n: int = 10) -> list[Image.Image]:
    drawn = []
    for k in range(n):
        image = Image.new("RGB", (50 + 9 * k, 60), (25 * k, 255 - 20 * k, 90))
        ImageDraw.Draw(image).ellipse((5 * k, 10, 30 + 4 * k, 50), fill=(255 - 25 * k, 10 * k, 200))
        drawn.append(image)
    return drawn


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize(("beams", "prompt"), WAYS)
def test_a_batch_is_captioned_as_each_picture_alone(
    blip_folder: Path, beams: int, prompt: str | None, int8: bool
) -> None:
    blip = BlipCaptioner(str(blip_folder), beams=beams, prompt=prompt, device="cpu", int8=int8)
    together = blip.read(pictures())
    assert together == [blip.read([image])[0] for image in pictures()]
    assert len(set(together)) > 2, "the captions do not depend on the pictures"


@pytest.mark.parametrize(("beams", "prompt"), WAYS)
def test_the_faster_layers_find_the_words_that_transformers_finds(
    blip_folder: Path, beams: int, prompt: str | None
) -> None:
    import torch
    from transformers import BlipForConditionalGeneration, BlipProcessor

    processor = BlipProcessor.from_pretrained(blip_folder)
    model: Any = BlipForConditionalGeneration.from_pretrained(blip_folder).eval()
    told = {"text": [prompt] * 10} if prompt else {}
    asked = processor(images=pictures(), **told, return_tensors="pt")
    with torch.inference_mode():
        tokens = model.generate(
            **asked,
            num_beams=beams,
            max_new_tokens=MAX_NEW_TOKENS,
            no_repeat_ngram_size=3,
            repetition_penalty=1.2,
        )
    tokens = tokens[:, 1:]
    texts = processor.batch_decode(tokens, skip_special_tokens=True)
    expected = [
        tidied(text if 3 in row else whole_phrase(text), prompt or "")
        for row, text in zip(tokens.tolist(), texts, strict=True)
    ]
    blip = BlipCaptioner(str(blip_folder), beams=beams, prompt=prompt, device="cpu", int8=False)
    assert blip.read(pictures()) == expected


def test_captions_are_the_same_every_time(blip_folder: Path) -> None:
    first, again = (BlipCaptioner(str(blip_folder), device="cpu") for _ in range(2))
    assert first.read(pictures()) == again.read(pictures()) == first.read(pictures())


def test_a_prompt_begins_the_caption(blip_folder: Path) -> None:
    asked = BlipCaptioner(str(blip_folder), prompt=" A chart  of ", device="cpu").read(pictures())
    assert all(caption.startswith("a chart of ") for caption in asked)
    assert asked != BlipCaptioner(str(blip_folder), device="cpu").read(pictures())


def test_captions_of_another_prompt_or_search_are_not_taken_from_the_cache() -> None:
    ways = [BlipCaptioner("x", beams=b, prompt=p).fingerprint for b, p in WAYS]
    assert len(set(ways)) == len(WAYS)


def test_captions_of_other_weights_in_the_same_folder_are_not_taken_from_the_cache(
    copied: Path,
) -> None:
    captioner = BlipCaptioner(str(copied))
    before = captioner.fingerprint
    assert captioner.fingerprint == before
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert captioner.fingerprint != before


def test_no_caption_says_a_word_three_times_in_a_row(blip_folder: Path) -> None:
    for caption in BlipCaptioner(str(blip_folder), device="cpu").read(pictures()):
        words = caption.split()
        assert all(len({*three}) > 1 for three in zip(words, words[1:], words[2:], strict=False))


def test_8_bits_are_close_and_no_row_changes_another() -> None:
    import torch

    from loaders.captioning.blip_layers import Int8Linear

    torch.manual_seed(0)
    exact = torch.nn.Linear(64, 48)
    whole = Int8Linear(exact)
    rows = torch.randn(3, 5, 64)
    rows[0] *= 1_000  # one scale for all rows would leave nothing of the others
    with torch.inference_mode():
        far = (whole(rows) - exact(rows)).norm(dim=-1) / exact(rows).norm(dim=-1)
        assert far.max() < 0.03
        assert torch.equal(whole(rows)[1], whole(rows[1]))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a picture of a picture of a picture of a cat", "a picture of a cat"),
        ("a picture of a picture", "a picture"),
        ("a picture of the picture of the picture", "a picture of the picture"),
        ("a red red red  square", "a red square"),
        ("a man in a man in a man in a hat", "a man in a hat"),
        ("a man with a dog with a dog", "a man with a dog"),
        (
            "a graph of the number of people of the number of people",
            "a graph of the number of people",
        ),
        ("a cat on a mat a cat on a mat", "a cat on a mat"),
        ("arafed view of a bridge", "view of a bridge"),
        ("araffes view of of of a bridge", "view of a bridge"),
        ("the new york new york new york marathon", "the new york marathon"),
    ],
)
def test_loops_and_habits_are_taken_out(said: str, meant: str) -> None:
    assert tidied(said) == meant


@pytest.mark.parametrize(
    "said",
    [
        "a bar chart of the sales",
        "a beach in bora bora",
        "new york new york",
        "a sign that says new york new york",
        "a red red square",
        "a poster of duran duran and the the",
        "20 20 vision",
        "a scale with 10 10 10",
        "a table with 1 2 1 2 1 2",
        "a score of 10 of 10",
        "with 5 of 5 with 5 of 5",
        "an axis from 0 to 10 from 0 to 10",
    ],
)
def test_what_may_be_meant_stays_and_so_does_every_number(said: str) -> None:
    assert tidied(said) == said


def test_the_words_of_the_prompt_stay_even_where_the_caption_repeats_them() -> None:
    assert tidied("a chart of a chart of sales", "a chart of") == "a chart of a chart of sales"
    assert tidied("A chart of sales", "a chart of") == "A chart of sales"


def test_a_caption_that_is_nothing_but_the_prompt_says_nothing() -> None:
    assert tidied("A chart of", "a chart of") == ""
    assert tidied("a chart of chart chart chart", "a chart of") == "a chart of chart"


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("a man riding a horse on a beach with a lar", "a man riding a horse on a beach"),
        ("a bar chart showing the number of", "a bar chart"),
        ("a chart with bars, lines, and poi", "a chart with bars, lines"),
        ("a blue circle", "a blue"),
        ("of the", ""),
        ("", ""),
    ],
)
def test_a_caption_that_was_cut_off_ends_with_a_whole_phrase(cut: str, whole: str) -> None:
    assert whole_phrase(cut) == whole


def test_a_caption_that_never_ends_is_cut_back(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    config["text_config"]["sep_token_id"] = 1  # [UNK], which no random BLIP here says
    (copied / "config.json").write_text(json.dumps(config))
    for caption in BlipCaptioner(str(copied), device="cpu").read(pictures()):
        assert not caption.endswith((" a", " an", " the", " of", " with"))
        assert len(caption.split()) < MAX_NEW_TOKENS


def test_blip_is_available_only_where_its_weights_are(blip_folder: Path, tmp_path: Path) -> None:
    assert BlipCaptioner.is_available(str(blip_folder))
    assert not BlipCaptioner.is_available(str(tmp_path))
    assert not BlipCaptioner.is_available("limner/no-such-model")
    assert not BlipCaptioner.is_available("/no/such/folder")


@pytest.mark.parametrize("missing", LOADED)
def test_a_part_of_the_files_is_not_blip_and_the_error_names_the_rest(
    copied: Path, missing: str
) -> None:
    (copied / "vocab.txt").unlink(missing_ok=True)
    (copied / missing).unlink()
    assert not BlipCaptioner.is_available(str(copied))
    with pytest.raises(PartMissing, match=f"lacks .*{missing}") as raised:
        BlipCaptioner(str(copied)).read(pictures(1))
    assert str(copied) in str(raised.value)


@pytest.mark.parametrize("damaged", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_one_clear_line_that_names_where_it_lies(
    copied: Path, damaged: str
) -> None:
    content = (copied / damaged).read_bytes()
    (copied / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(PartMissing, match=r"damaged.*get them again") as raised:
        BlipCaptioner(str(copied)).read(pictures(1))
    assert str(copied) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_weights_of_another_network_are_not_taken_for_blip(copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    kept = {name: part for name, part in weights.items() if "crossattention" not in name}
    save_file(kept, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PartMissing, match=r"not a BLIP that captions.*crossattention"):
        BlipCaptioner(str(copied)).read(pictures(1))


def test_pickled_weights_are_read_as_tensors_only(copied: Path, blip_folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    weights = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(weights, copied / "pytorch_model.bin")
    exact = BlipCaptioner(str(blip_folder), device="cpu").read(pictures())
    assert BlipCaptioner(str(copied), device="cpu").read(pictures()) == exact


def test_a_pickle_that_runs_a_program_is_not_run(copied: Path, tmp_path: Path) -> None:
    import torch

    class Harm:
        def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
            return Path.touch, (tmp_path / "harm",)

    (copied / "model.safetensors").unlink()
    torch.save({"weight": Harm()}, copied / "pytorch_model.bin")
    with pytest.raises(PartMissing, match=r"pytorch_model\.bin is damaged"):
        BlipCaptioner(str(copied), device="cpu").read(pictures(1))
    assert not (tmp_path / "harm").exists()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in the Hugging Face cache where the files of limner/small lie; empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    repository = tmp_path / "cache" / "models--limner--small"
    (repository / "snapshots" / "1").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1")
    return repository / "snapshots" / "1"


def test_a_part_of_blip_in_the_cache_is_not_blip(blip_folder: Path, cached: Path) -> None:
    for name in LOADED:
        assert not BlipCaptioner.is_available("limner/small")
        (cached / name).symlink_to(blip_folder / name)
    assert BlipCaptioner.is_available("limner/small")


def test_the_cache_comes_before_a_folder_of_the_same_name(
    blip_folder: Path, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LOADED:
        (cached / name).symlink_to(blip_folder / name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limner" / "small").mkdir(parents=True)
    (caption,) = BlipCaptioner("limner/small", device="cpu").read(pictures(1))
    assert caption == BlipCaptioner(str(blip_folder), device="cpu").read(pictures(1))[0]


def test_missing_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PartMissing, match="limner models pull limner/no-such-model") as raised:
        BlipCaptioner("limner/no-such-model").read(pictures(1))
    assert "\n" not in str(raised.value)
    assert missing_weights("x").endswith("limner models pull x")


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_an_offline_switch_forbids_a_download_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    for each in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(switch, "1")
    with pytest.raises(PartMissing, match=f"{switch}=1 forbids it"):
        BlipCaptioner("limner/no-such-model", allow_download=True).read(pictures(1))


def test_a_download_that_fails_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def refused(*_: Any, **__: Any) -> str:
        raise OSError("no route to the hub\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    with pytest.raises(PartMissing, match=r"could not be fetched: no route to the hub\.$"):
        BlipCaptioner("limner/no-such-model", allow_download=True).read(pictures(1))
