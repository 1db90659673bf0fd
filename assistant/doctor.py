"""Looks at every part that limner runs on: what is active, what is missing, how to get it.

Leaves out mending: it only looks, and downloads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

from assistant.assistant import Assistant
from assistant.captioner import choose_captioner
from assistant.counting import number_of
from assistant.errors import EXPLAINED
from assistant.settings import Settings
from loaders import BlipCaptioner, MediaStore, OcrReader, PartMissing, libre_office
from loaders.captioning.blip import missing_weights
from loaders.captioning.readings import ReadingCache
from loaders.limits import BYTES_PER_MIB
from loaders.speech.transcriber import describe_weights
from retrievers import ClipEmbeddings, Library, MiniLMEmbeddings
from retrievers.clip import missing_weights as missing_clip

OTHER_CAPTIONER = (
    "Get BLIP, see below; or a vision model: ollama pull qwen2.5vl, and captioner = "
    '"ollama:qwen2.5vl" in limner.toml.'
)
TOO_SMALL = "is too small to write answers: they are quotes"


@dataclass(frozen=True, slots=True)
class Check:
    """One part. fix: what to do where ok is false, or what would be better."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def checks(settings: Settings) -> Iterator[Check]:
    """Every check, one after the other: some load a model."""
    yield _embeddings(settings)
    yield _library(settings)
    yield _media(settings)
    yield _cache(settings)
    yield _llm(settings)
    yield _captioner(settings)
    yield _blip(settings)
    yield _clip(settings)
    yield _ocr()
    yield _libre_office()
    yield _speech(settings)


def _embeddings(settings: Settings) -> Check:
    def look() -> str:
        embeddings = MiniLMEmbeddings(settings.embedding_model)
        return f"{embeddings.name}, {embeddings.dimension} dimensions"

    return _checked("embeddings", look)


def _library(settings: Settings) -> Check:
    try:
        embeddings = MiniLMEmbeddings(settings.embedding_model)
        with Library.open(settings.library, embeddings) as library:
            n_left = len(library.journal.left())
            n_documents, n_chunks = library.n_documents, library.n_chunks
            held = f"{number_of(n_documents, 'document')}, {number_of(n_chunks, 'piece')}"
            detail = f"{settings.library}: {held}; {_recorded(library.facts())}"
    except EXPLAINED as error:
        return Check("library", False, type(error).__name__, str(error))
    if n_left:
        detail = (
            f"{detail}; a run was interrupted, which left {number_of(n_left, 'source')} to be read"
        )
    return Check("library", not n_left, detail, "Go on with: limner sync" * bool(n_left))


def _recorded(facts: Mapping[str, Any]) -> str:
    """What a library records of itself."""
    told = [f"format {facts['format']}", f"vectors of {facts['model']}"]
    if facts["dimension"]:
        told.append(f"{facts['dimension']} dimensions")
    made_with = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return ", ".join(told) + (f" (made with {made_with})" if made_with else "")


def _media(settings: Settings) -> Check:
    store = MediaStore(settings.media_folder, base_url=settings.media_base_url)
    return Check(
        "media", True, f"{number_of(len(list(store.keys())), 'picture')} under {store.base_url}"
    )


def _cache(settings: Settings) -> Check:
    cache = ReadingCache(settings.cache_folder, max_bytes=settings.cache_bytes)
    if not cache.max_bytes:
        return Check("cache", True, "off: what is read out of pictures is not kept")
    where = f"what was read out of pictures, in {cache.folder}"
    if not cache.is_usable:
        fix = "Choose a folder that can be written with the setting cache_folder."
        return Check("cache", False, f"{where}, cannot be used", fix)
    cache.close()
    return Check("cache", True, f"{where}, at most {cache.max_bytes / BYTES_PER_MIB:,.0f} MiB")


def _llm(settings: Settings) -> Check:
    def look() -> str:
        model = Assistant.choose_model(settings)
        sees = "sees pictures" if model.can_see else "does not see pictures"
        size = f"{model.n_parameters / 1e9:.1f} billion parameters, " if model.n_parameters else ""
        does = "writes answers" if model.is_trusted_with_facts else TOO_SMALL
        told = f"{size}context of {model.context_tokens} tokens, {sees}, {does}"
        return f"{model.name} ({model.reason.rstrip('.')}; {told})"

    return _checked("llm", look)


def _captioner(settings: Settings) -> Check:
    """What tells in words what a figure shows."""

    def look() -> str:
        chosen = choose_captioner(settings)
        assert chosen  # noqa: S101 - for the type checker: a model is named
        instead = f"; {settings.blip_model} where it fails" if has_blip else ""
        return f"{chosen.vision.name} ({chosen.reason.rstrip('.')}{instead})"

    has_blip = BlipCaptioner.is_available(settings.blip_model)
    if settings.captioner == "none":
        return Check("captioner", True, "none (the setting captioner is none)")
    if settings.captioner != "blip":
        return _checked("captioner", look)
    if has_blip:
        return Check("captioner", True, "blip (the setting captioner is blip)")
    return Check("captioner", False, "none (BLIP is not on this machine)", OTHER_CAPTIONER)


def _blip(settings: Settings) -> Check:
    here = BlipCaptioner.is_available(settings.blip_model)
    detail = f"{settings.blip_model}" if here else "not on this machine"
    return Check("blip", here, detail, "" if here else missing_weights(settings.blip_model))


def _clip(settings: Settings) -> Check:
    model = settings.clip_model
    if ClipEmbeddings(model).is_available:
        return Check("clip", True, model)
    return Check("clip", False, "not on this machine", missing_clip(model))


def _ocr() -> Check:
    fix = "Text in pictures is not read. Run: pip install --force-reinstall rapidocr"
    try:
        from rapidocr import RapidOCR  # noqa: F401

        engine = " ".join(OcrReader().fingerprint.split(":")[:2])
    except ImportError as error:
        return Check("ocr", False, f"cannot be loaded: {error}", fix)
    models = [file for file in files("rapidocr") or () if file.suffix == ".onnx"]
    gone = [file.name for file in models if not Path(file.locate()).is_file()]
    if gone or not models:
        return Check("ocr", False, f"{engine} lacks {', '.join(gone) or 'its models'}", fix)
    return Check("ocr", True, engine)


def _speech(settings: Settings) -> Check:
    try:
        return Check("speech", True, describe_weights(settings.speech_model))
    except PartMissing as error:
        return Check("speech", False, "not on this machine", str(error))


def _checked(name: str, look: Callable[[], str]) -> Check:
    """A check that fails with the sentence of the error that look raises."""
    try:
        return Check(name, True, look())
    except EXPLAINED as error:
        return Check(name, False, type(error).__name__, str(error))


def _libre_office() -> Check:
    program = libre_office.program()
    fix = f"Old Office files and metafiles are not read. {libre_office.HOW_TO_INSTALL}."
    return Check(
        "libreoffice", program is not None, program or "not installed", fix * (not program)
    )
