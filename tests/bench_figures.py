"""Measures captions of figures beside LangChain's ImageCaptionLoader: `make bench-figures`.

Both caption the same pictures with the same weights, from the same words ("an image of"), to the
same length, the likeliest word each time; each in processes of its own, in turns. The weights
are random, of BLIP-base's size: a network of any weights takes the same time, once none may end
its caption early. So the captions mean nothing, and their words are near ties, which 8 bits
decide otherwise sooner than those of a trained network: `--weights FOLDER` takes another BLIP,
which ends its captions where it likes. Leaves out whether captions are true.

CORPUS=folder chooses the pictures.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

from tests.side_by_side import corpus, measured, say, tell

SEED = 0
N_FIGURES, N_ROUNDS = 24, 2
PROMPT, MAX_LENGTH = "an image of", 20
"""What ImageCaptionLoader asks with, and where transformers stops unless told otherwise."""
START, END = 30_522, 102
MARK = re.compile(r"\[\w+\]")
BASE = {
    "hidden_size": 768,
    "intermediate_size": 3_072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}
SIDES = {
    "ImageCaptionLoader": "langchain",
    "limner": "limner",
    "limner, without int8": "limner-exact",
    "limner, 3 beams": "limner-beams",
}


def write_random_blip(folder: Path) -> None:
    """A BLIP of base's size with random weights, and a vocabulary of as many made-up words."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    special = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", END: "[SEP]", 103: "[MASK]", START: "[DEC]"}
    words = dict(enumerate(PROMPT.split(), 104)) | special
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words.get(n, f"word{n}") for n in range(START + 2)), "utf-8")
    text = {"vocab_size": START + 2, "encoder_hidden_size": 768, "bos_token_id": START}
    torch.manual_seed(SEED)
    config = BlipConfig(
        text_config=BASE | text | {"pad_token_id": 0, "eos_token_id": 2, "sep_token_id": END},
        vision_config=BASE | {"image_size": 384, "patch_size": 16},
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = BertTokenizer(vocab=str(vocabulary))
    processor = BlipProcessor(BlipImageProcessorPil(), tokenizer)  # type: ignore[no-untyped-call]
    processor.save_pretrained(folder)


def decode_alike(*, beams: int, ends: bool) -> None:
    """Have both sides choose words by the same rules, whatever else they ask for."""
    from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

    asked: dict[str, Any] = {"max_length": MAX_LENGTH, "num_beams": beams, "do_sample": False}
    if not ends:
        # Neither early nor cut off, which limner would mend.
        asked |= {"min_length": MAX_LENGTH - 1, "forced_eos_token_id": END}
    ours = ("no_repeat_ngram_size", "repetition_penalty", "max_new_tokens")
    generate = BlipTextLMHeadModel.generate

    def alike(self: Any, **given: Any) -> Any:
        rest = {name: value for name, value in given.items() if name not in ours}
        return generate(self, **rest | asked)

    BlipTextLMHeadModel.generate = alike  # type: ignore[assignment, method-assign]


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, the seconds it took, and those of processor time."""
    start, used = time.perf_counter(), time.process_time()
    found = run()
    return found, time.perf_counter() - start, time.process_time() - used


def langchain_captions(weights: str, paths: list[str]) -> dict[str, Any]:
    """What ImageCaptionLoader says, timed without the loading of its weights."""
    from langchain_community.document_loaders import ImageCaptionLoader

    def captions(some: list[str]) -> list[str]:
        loader = ImageCaptionLoader(list(some), blip_processor=weights, blip_model=weights)
        return [document.page_content for document in loader.load()]

    _, loading_s, loading_cpu_s = timed(lambda: captions([]))
    found, seconds, cpu_s = timed(lambda: captions(paths))
    return {"captions": found, "seconds": seconds - loading_s, "cpu_s": cpu_s - loading_cpu_s}


def limner_captions(weights: str, paths: list[str], *, int8: bool | None) -> dict[str, Any]:
    """What limner says, out of a media store; then again, as a second run of the folder does."""
    from PIL import Image

    from loaders.captioning.blip import BlipCaptioner
    from loaders.captioning.describer import FigureDescriber
    from loaders.captioning.readings import ReadingCache
    from loaders.media import MediaStore

    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(Path(folder) / "media")
        keys = [media.put(Path(path).read_bytes()).key for path in paths]
        blip = BlipCaptioner(weights, prompt=PROMPT, int8=int8)
        blip.read([Image.new("RGB", (8, 8))])

        def described() -> dict[str, dict[str, str]]:
            readings = ReadingCache(Path(folder) / "cache")
            told = FigureDescriber(media, captioner=blip, readings=readings).describe(keys)
            readings.close()
            return told

        found, seconds, cpu_s = timed(described)
        again, again_s, _ = timed(described)
    if again != found:
        raise ValueError("the second run differs from the first")
    captions = [found[key].get("blip", "") for key in keys]
    return {"captions": captions, "seconds": seconds, "cpu_s": cpu_s, "again_s": again_s}


def measure_one(side: str, weights: str, ends: bool, paths: list[str]) -> dict[str, Any]:
    """One side in this process."""
    decode_alike(beams=3 if side == "limner-beams" else 1, ends=ends)
    if side == "langchain":
        found = langchain_captions(weights, paths)
    else:
        found = limner_captions(weights, paths, int8=False if side == "limner-exact" else None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    return found | {"n_bytes": peak}


def figures(n: int) -> list[Path]:
    """Pictures of the corpus, each once, chosen by chance."""
    folders = [corpus("captions/images"), corpus("docs/images")]
    found = {p.read_bytes(): p for folder in folders for p in sorted(folder.glob("*.*g"))}
    paths = sorted(found.values())
    random.Random(SEED).shuffle(paths)
    return paths[:n]


def words_of(caption: str) -> list[str]:
    """A caption's words: ImageCaptionLoader leaves the marks of beginning and end in."""
    return [word for word in caption.lower().split() if not MARK.fullmatch(word)]


def share_equal(ours: list[str], theirs: list[str]) -> tuple[int, float]:
    """How many captions are equal, and which share of the words up to the first other one."""
    n_equal, shares = 0, []
    for one, other in zip(map(words_of, ours), map(words_of, theirs), strict=True):
        pairs = zip(one, other, strict=False)
        n_same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        n_equal += one == other
        shares.append(n_same / max(1, len(other)))
    return n_equal, sum(shares) / len(shares)


def rounds(weights: str, ends: bool, paths: list[Path]) -> dict[str, Any]:
    """Each side over all pictures, in turns; or a sentence about why it tells nothing."""
    totals: dict[str, Any] = {}
    for turn in range(N_ROUNDS):
        some = json.dumps([str(path) for path in paths[turn::N_ROUNDS]])
        for side in SIDES.values():
            found = measured(
                sys.executable, "tests.bench_figures", side, weights, str(int(ends)), some
            )
            say(f"{side}, round {turn + 1}: {_brief(found)}")
            known = totals.get(side)
            if known is None or isinstance(known, str) or isinstance(found, str):
                totals[side] = known if isinstance(known, str) else found
                continue
            peak = max(known["n_bytes"], found["n_bytes"])
            totals[side] = {name: known[name] + found[name] for name in known} | {"n_bytes": peak}
    return totals


def _brief(found: Any) -> str:
    return found if isinstance(found, str) else f"{found['cpu_s']:.1f} s of processor time"


def report(totals: dict[str, Any], n: int) -> None:
    """A line for each side."""
    say(
        f"{n} figures, prompt '{PROMPT}'   figures/s  CPU s a figure  peak MiB  times  CPU times  "
        "equal captions  equal words  second run"
    )
    theirs = totals["langchain"]
    for name, side in SIDES.items():
        found = totals[side]
        if isinstance(found, str) or isinstance(theirs, str):
            say(f"{name:<37} {found if isinstance(found, str) else 'nothing beside it'}")
            continue
        n_equal, share = share_equal(found["captions"], theirs["captions"])
        again = f"{found['seconds'] / found['again_s']:,.0f} times" if "again_s" in found else "-"
        say(
            f"{name:<37} {n / found['seconds']:9.2f} {found['cpu_s'] / n:15.2f} "
            f"{found['n_bytes'] / 2**20:9,.0f} {theirs['seconds'] / found['seconds']:6.1f} "
            f"{theirs['cpu_s'] / found['cpu_s']:10.1f} {n_equal:12}/{n} {share:12.0%} {again:>11}"
        )


def main() -> None:
    """Measure all sides, or answer the process that does."""
    if sys.argv[1:2] and sys.argv[1] in SIDES.values():
        side, weights, ends, told = sys.argv[1:]
        tell(measure_one(side, weights, ends == "1", json.loads(told)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=N_FIGURES, help="how many figures")
    parser.add_argument("--weights", help="a folder with a BLIP, instead of random weights")
    asked = parser.parse_args()
    if not (paths := figures(asked.n)):
        sys.exit(f"No pictures in {corpus()}: CORPUS=folder chooses another corpus.")
    with tempfile.TemporaryDirectory() as folder:
        weights = asked.weights or folder
        if not asked.weights:
            write_random_blip(Path(folder))
        report(rounds(weights, bool(asked.weights), paths), len(paths))


if __name__ == "__main__":
    main()
