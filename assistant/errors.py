"""What can go wrong between a question and its answer.

AssistantError
├── ModelUnavailable         no language model can be used; its leaves say why
│   ├── OllamaStopped            no Ollama server answers at its address
│   ├── OpenAIServerStopped      no OpenAI-compatible server answers at its address
│   ├── ModelNotFound            the server does not have the model
│   └── EmbeddedModelMissing     a package of the embedded model is not installed
├── GenerationFailed         the model began, but the answer could not be finished
│   ├── ContextExceeded          its server says that the prompt is too long
│   ├── OutOfMemory              its server lacks the memory to run it
│   ├── ServerBusy               its server takes no more questions now
│   ├── GenerationTimeout        the model sent nothing for longer than the limit
│   └── GenerationStopped        who asked wants no more of it
├── WeightsUnavailable       a model cannot be had: no network, unknown name, full disk
│   └── WeightsDamaged           its files are not what they should be
├── BundleInvalid            a folder is no bundle of models, or cannot become one
├── ConversationsUnusable    the file of the conversations cannot be used; its leaves say why
│   ├── ConversationsDamaged     it, or one conversation in it, is not what limner wrote
│   ├── ConversationsNewer       a newer limner wrote it
│   └── ConversationsUnwritable  read-only, full disk, or another process holds it too long
├── UnknownConversation      no conversation, or several, have this id
├── QuestionInvalid          there is no question, or one that cannot be asked
├── AnswerInvalid            JSON that should be an answer is none
├── SettingsInvalid          a setting has a value that limner cannot use
└── QuestionsInvalid         a question file that `limner evaluate` cannot read

Errors of ollama, openai and httpx become one of these once, where they leave the client
(`assistant.ollama_models`, `assistant.openai_models`); what failed stays in `__cause__`.
"""

from __future__ import annotations

from loaders.errors import LoaderError, PartMissing, StoreUnusable
from retrievers.errors import ASKED_WRONGLY as ASKED_WRONGLY  # noqa: PLC0414 - for the UI too
from retrievers.errors import LibraryError, ModelMissing


class AssistantError(Exception):
    """A question could not be answered. The text says what happened and what to do."""


class ModelUnavailable(AssistantError):
    """No language model can be used."""


class OllamaStopped(ModelUnavailable):
    """No Ollama server answers at its address."""


class OpenAIServerStopped(ModelUnavailable):
    """No OpenAI-compatible server answers at its address."""


class ModelNotFound(ModelUnavailable):
    """The server does not have the model."""


class EmbeddedModelMissing(ModelUnavailable):
    """A package of the embedded model is not installed."""


class GenerationFailed(AssistantError):
    """The answer could not be finished: the stream broke, or the server reported an error."""


class ContextExceeded(GenerationFailed):
    """The model's server says that the prompt is too long for the model."""


class OutOfMemory(GenerationFailed):
    """The model's server lacks the memory to run it."""


class ServerBusy(GenerationFailed):
    """The model's server takes no more questions for now."""


class GenerationTimeout(GenerationFailed):
    """The model sent nothing for longer than the limit."""


class GenerationStopped(GenerationFailed):
    """The model was stopped, because who asked wants no more of it."""


class WeightsUnavailable(AssistantError):
    """The files of a model cannot be had, or limner does not run it."""


class WeightsDamaged(WeightsUnavailable):
    """The files of a model are not what its source says, or no weights at all."""


class BundleInvalid(AssistantError):
    """A folder is not a bundle of models, or cannot become one."""


class ConversationsUnusable(AssistantError):
    """The file of the conversations cannot be used. Questions are answered all the same."""


class ConversationsDamaged(ConversationsUnusable):
    """The file of the conversations, or one conversation in it, is not what limner wrote."""


class ConversationsNewer(ConversationsUnusable):
    """A newer version of limner wrote the file of the conversations."""


class ConversationsUnwritable(ConversationsUnusable):
    """The conversations cannot be written: no permission, no space, or another process."""


class UnknownConversation(AssistantError):
    """No conversation has this id, or several have ids that begin so."""


class QuestionInvalid(AssistantError, ValueError):
    """There is no question, or it is longer than can be asked, or no text."""


class AnswerInvalid(AssistantError, ValueError):
    """JSON that should be an answer lacks a part, or has one that is not of its kind."""


class SettingsInvalid(AssistantError):
    """A setting has a value that limner cannot use."""


class QuestionsInvalid(AssistantError):
    """A question file cannot be read, or a line of it is not a question."""


EXPLAINED = (AssistantError, LibraryError, LoaderError, ModelMissing, PartMissing, StoreUnusable)
"""Errors whose text tells a person what happened and what to do; any other is a bug of ours."""
