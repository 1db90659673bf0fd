"""The choice of the language model in the sidebar, for this visitor and until the page is closed.

Leaves out what a model is and does: that is `assistant.llm` and `assistant.present_models`.
"""

from __future__ import annotations

from contextlib import closing

import streamlit as st

from assistant.assistant import Assistant
from assistant.errors import EXPLAINED
from assistant.llm import pull
from assistant.present_models import PresentModel, present_models
from assistant.settings import MIN_CONTEXT_TOKENS, Settings
from ui.plain_text import plain

LISTED_FOR_S = 30
BILLION = 1e9
GIGABYTE = 1e9
AS_SET = "As the settings say"


def choose_model(assistant: Assistant) -> Assistant:
    """Show which model answers and let a person choose; give the assistant that uses it."""
    found, _ = _listed(str(_servers(assistant.settings)), assistant.settings)
    by_name = {model.name: model for model in found if model.can_chat}
    name = st.selectbox(
        "Language model",
        [AS_SET, *by_name],
        key="language_model",
        format_func=lambda name: _label(by_name[name]) if name in by_name else name,
    )
    with st.expander("Model settings", icon=":material/tune:"):
        dials = _dials(assistant.settings)
        _pull_form(assistant.settings.ollama_host)
    settings = assistant.settings.model_copy(update=dials)
    asked = _asked(assistant, by_name[name].chosen_in(settings) if name in by_name else settings)
    try:
        model = asked.model
    except EXPLAINED as error:
        st.error(plain(str(error)))
    else:
        does = (
            "" if model.is_trusted_with_facts else "  \nToo small to write: it answers in quotes."
        )
        st.caption(f"**Answers by** {plain(model.name)}  \n{plain(model.reason)}{does}")
    return asked


def _asked(assistant: Assistant, settings: Settings) -> Assistant:
    """One assistant as long as the choice stays: it keeps its model."""
    if settings == assistant.settings:
        return assistant
    kept: tuple[Settings, Assistant] | None = st.session_state.get("asked_through")
    if kept is None or kept[0] != settings:
        kept = st.session_state.asked_through = (settings, assistant.with_settings(settings))
    return kept[1]


def _dials(settings: Settings) -> dict[str, object]:
    temperature = st.slider(
        "Temperature", 0.0, 2.0, settings.temperature, 0.1, help="0 answers alike each time."
    )
    context = st.number_input(
        "Context in tokens",
        MIN_CONTEXT_TOKENS,
        value=settings.context_tokens,
        step=1024,
        placeholder="The model's own, up to 8,192",
        help="More holds more sources, and takes more memory.",
    )
    return {"temperature": temperature, "context_tokens": context}


@st.fragment
def _pull_form(host: str | None) -> None:
    """Have Ollama download a model; whatever else is clicked ends it, and it can go on later."""
    with st.form("pull", border=False):
        name = st.text_input("Download a model into Ollama", placeholder="llama3.2").strip()
        is_asked = st.form_submit_button("Download", icon=":material/download:")
    if is_asked and name:
        try:
            _pull(name, host)
        except EXPLAINED as error:
            st.error(plain(str(error)))


def _pull(name: str, host: str | None) -> None:
    bar = st.progress(0.0, f"Downloading {plain(name)}")
    cancel = st.empty()
    cancel.button("Cancel", key="cancel_pull", icon=":material/stop_circle:")
    with closing(pull(name, host)) as steps:
        for step in steps:
            share = min(1.0, step.completed / step.total) if step.total else 0.0
            size = f" of {step.total / GIGABYTE:.1f} GB" if step.total else ""
            bar.progress(share, f"{plain(step.status)}{size}")
    cancel.empty()
    bar.empty()
    _listed.clear()
    st.success(f"{plain(name)} is in Ollama.")
    st.rerun(scope="app")


@st.cache_data(ttl=LISTED_FOR_S, show_spinner=False)
def _listed(servers: str, _settings: Settings) -> tuple[list[PresentModel], list[str]]:  # noqa: ARG001 - the cache's key
    return present_models(_settings)


def _servers(settings: Settings) -> tuple[object, ...]:
    return settings.llm, settings.ollama_host, settings.openai_base_url, settings.openai_sees


def _label(model: PresentModel) -> str:
    size = f" · {model.n_parameters / BILLION:.2g}B" if model.n_parameters else ""
    return f"{model.model}{size}{' · sees pictures' if model.can_see else ''} · {model.kind}"
