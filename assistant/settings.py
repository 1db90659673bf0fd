"""All of limner's settings: flags over `LIMNER_*` over `limner.toml` over defaults.

Built once, at the edge, and passed in. Leaves out what a single call decides, such as
how many hits a search gives.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assistant.errors import SettingsInvalid
from loaders.captioning.blip import DEFAULT_BEAMS
from loaders.captioning.readings import MAX_BYTES
from loaders.limits import DEFAULT_LIMITS, Limits

ENV_PREFIX = "LIMNER_"
TOML_FILE = "limner.toml"
MIN_CONTEXT_TOKENS = 512
"""Below, the rules leave no room for sources."""
SECRETS = ("openai_api_key", "password")
"""Settings whose value is never shown."""


class Settings(BaseSettings):
    """Every dial. Names are those of `limner.toml`; `LIMNER_` + upper case in the environment."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, toml_file=TOML_FILE, frozen=True, extra="forbid"
    )

    library: Path = Path(".limner")
    """Folder with the index and the pictures."""
    media_base_url: str | None = None
    """What a picture's key is appended to; the media folder's `file://` URI when not set."""

    llm: Literal["auto", "ollama", "openai", "embedded"] = "auto"
    ollama_host: str | None = None
    ollama_model: str | None = None
    openai_base_url: str | None = None
    openai_model: str | None = None
    openai_api_key: SecretStr | None = None
    openai_sees: bool | None = None
    """Whether the model there sees pictures; what its server says when not set. vLLM does not."""
    ollama_keep_alive: str = Field(
        default="30m", pattern=r"^-?(\d+|(\d+(\.\d+)?(ms|s|m|h))+)$", coerce_numbers_to_str=True
    )
    """How long Ollama keeps the model in memory after an answer: 90s, 2h, 0 or -1 for ever."""
    context_tokens: int | None = Field(default=None, ge=MIN_CONTEXT_TOKENS, le=1_000_000)
    """For the prompt and the answer; what the model has, up to 8,192, when not set."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout_s: float = Field(default=120.0, gt=0)
    """Longest wait for the language model's next words."""

    keep_conversations: bool = True
    """Store questions and answers with the library, until a person deletes them."""

    strict: bool = False
    """Drop sentences of an answer that the documents do not bear out, instead of marking them."""

    embedding_model: str = "sentence-transformers/all-MiniLM-L6-v2"
    captioner: str = "blip"
    """`blip` where its weights are here, `ollama:MODEL`, `openai:MODEL` or `none`."""
    captioner_timeout_s: float = Field(default=120.0, gt=0)
    """For a vision model to describe one picture, in all its tries."""
    captioner_parallel: int = Field(default=2, ge=1, le=64)
    """Pictures that its server is asked about at once; as OLLAMA_NUM_PARALLEL, say."""
    blip_model: str = "Salesforce/blip-image-captioning-base"
    """A name on the hub, or a folder."""
    blip_prompt: str | None = Field(default=None, max_length=100)
    """What each caption begins with, "a chart of" say; BLIP goes on from there."""
    blip_beams: int = Field(default=DEFAULT_BEAMS, ge=1, le=10)
    """How many captions are followed at once; the likeliest next word is taken when 1."""
    clip_model: str = "sentence-transformers/clip-ViT-B-32"
    """By which pictures are found by what they show, where it is on this machine."""
    speech_model: str | None = None
    """A folder, a size or a name on the hub; the weights of the package when not set."""

    cache_folder: Path | None = None
    """What was read out of pictures, for all libraries; the user's own cache when not set."""
    cache_bytes: int = Field(default=MAX_BYTES, ge=0)
    """Size of the file there; 0 keeps nothing."""

    n_sources: int = Field(default=8, ge=1, le=50)
    """Pieces of evidence that an answer may draw on."""
    n_figure_sources: int = Field(default=3, ge=0, le=20)
    """Figures among them at least, where the library has any."""

    password: SecretStr | None = None
    """Tried on documents that need one."""

    # The bounds on one source, as in loaders.limits.
    max_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, gt=0)
    max_pages: int = Field(default=DEFAULT_LIMITS.max_pages, gt=0)
    max_text_chars: int = Field(default=DEFAULT_LIMITS.max_text_chars, gt=0)
    max_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, gt=0)
    max_figures: int = Field(default=DEFAULT_LIMITS.max_figures, gt=0)
    max_archive_members: int = Field(default=DEFAULT_LIMITS.max_archive_members, gt=0)
    max_archive_ratio: int = Field(default=DEFAULT_LIMITS.max_archive_ratio, gt=0)
    max_attachments: int = Field(default=DEFAULT_LIMITS.max_attachments, ge=0)
    max_nesting: int = Field(default=DEFAULT_LIMITS.max_nesting, ge=0)
    min_figure_side: int = Field(default=DEFAULT_LIMITS.min_figure_side, gt=0)
    max_recorded_s: float = Field(default=DEFAULT_LIMITS.max_recorded_s, gt=0)
    max_memory: int = Field(default=DEFAULT_LIMITS.max_memory, gt=0)
    max_seconds: float = Field(default=DEFAULT_LIMITS.max_seconds, gt=0)
    max_silence_s: float = Field(default=DEFAULT_LIMITS.max_silence_s, gt=0)
    conversion_s: float = Field(default=DEFAULT_LIMITS.conversion_s, gt=0)
    fetch_timeout_s: float = Field(default=DEFAULT_LIMITS.fetch_timeout_s, gt=0)
    fetch_total_s: float = Field(default=DEFAULT_LIMITS.fetch_total_s, gt=0)
    fetch_remote_images: bool = DEFAULT_LIMITS.fetch_remote_images
    read_comments: bool = DEFAULT_LIMITS.read_comments
    max_site_pages: int = Field(default=DEFAULT_LIMITS.max_site_pages, gt=0)
    max_site_s: float = Field(default=DEFAULT_LIMITS.max_site_s, gt=0)
    max_rows: int = Field(default=DEFAULT_LIMITS.max_rows, gt=0)

    @field_validator("media_base_url")
    @classmethod
    def _ends_with_slash(cls, url: str | None) -> str | None:
        return f"{url.rstrip('/')}/" if url else None

    @field_validator("captioner")
    @classmethod
    def _names_a_captioner(cls, captioner: str) -> str:
        kind, _, model = captioner.partition(":")
        if captioner in ("blip", "none") or (kind in ("ollama", "openai") and model.strip()):
            return captioner
        raise ValueError(
            "it is blip, none, ollama:MODEL or openai:MODEL, for example ollama:qwen2.5vl"
        )

    @property
    def limits(self) -> Limits:
        """The bounds within which a source is read."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})

    @property
    def media_folder(self) -> Path:
        """Where the pictures lie."""
        return self.library / "media"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**flags: Any) -> Settings:
    """Settings from flags, environment and file; flags that are None are not set.

    Raises SettingsInvalid that names the key, its value and what is wrong.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(ENV_PREFIX)
        and name.removeprefix(ENV_PREFIX).lower() not in Settings.model_fields
    )
    if unknown:
        known = ", ".join(f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields)
        raise SettingsInvalid(f"{unknown[0]} is not a setting of limner. Known: {known}.")
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        # A misspelt or secret key may hold a password: its value is not for the screen.
        is_shown = key in Settings.model_fields and key not in SECRETS
        value = f" = {first.get('input')!r}" if is_shown else ""
        raise SettingsInvalid(
            f"The setting {key}{value} is not valid: {first['msg']}. "
            f"Mend it in the flags, in {ENV_PREFIX}{key.upper()} or in {TOML_FILE}."
        ) from error
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{TOML_FILE} cannot be read: {error}") from error
