"""`limner conversations` and `limner export`: what was asked before, and taking it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assistant.assistant import Assistant
from assistant.cli.terminal import opened, print_json, refuse, say
from assistant.conversation_export import SUFFIXES, Format, file_name, write_export
from assistant.conversations import SHORT_ID_CHARS, Conversation
from assistant.counting import number_of

HTML_SUFFIXES = (".html", ".htm")


def list_conversations(library: Path | None, as_json: bool) -> None:
    """Print all conversations, the last changed first."""
    with opened(library) as assistant:
        found = assistant.conversations.all()
    if as_json:
        print_json({"conversations": [listed.to_dict() for listed in found]})
        return
    for listed in found:
        asked = number_of(listed.n_turns, "question")
        when = listed.changed_at[:16].replace("T", " ")
        say(f"{listed.id[:SHORT_ID_CHARS]}  {when}  {listed.title}  ({asked})")
    say("Go on with one: limner chat --conversation ID" if found else "There are none yet.")


def rename(beginning: str, title: str, library: Path | None, as_json: bool) -> None:
    """Give a conversation another title."""
    if not title.strip():
        refuse(
            f"The title {title!r} is empty: {beginning!r} keeps the one that it has. Give a title "
            "with a letter in it."
        )
    with opened(library) as assistant:
        conversation = assistant.conversations.find(beginning)
        assistant.conversations.rename(conversation, title)
        renamed = assistant.conversations.read(conversation).title
    if as_json:
        print_json({"id": conversation, "title": renamed})
    else:
        say(f"{conversation[:SHORT_ID_CHARS]} is now “{renamed}”.")


def delete(beginnings: Sequence[str], library: Path | None, as_json: bool) -> None:
    """Delete conversations for good; none where one of them is not there."""
    with opened(library) as assistant:
        kept = assistant.conversations
        found = list(dict.fromkeys(map(kept.find, beginnings)))
        for conversation in found:
            kept.delete(conversation)
    if as_json:
        print_json({"deleted": found})
    else:
        say(f"Deleted for good: {', '.join(c[:SHORT_ID_CHARS] for c in found)}")


def export(
    beginning: str,
    form: Format | None,
    output: Path | None,
    answer: int | None,
    library: Path | None,
    as_json: bool,
) -> None:
    """Write a conversation, or one answer of it, to a file. answer: its number, from 1."""
    if form is None:
        is_html = output is not None and output.suffix.lower() in HTML_SUFFIXES
        form = "html" if is_html else "markdown"
    with opened(library) as assistant:
        conversation = _chosen(assistant, beginning, answer)
        path = output or Path(file_name(conversation.title, form))
        path = path if path.suffix else path.with_suffix(SUFFIXES[form])
        written = write_export(conversation, form, path, assistant.media)
    if as_json:
        print_json({"id": conversation.id, "format": form, "files": [str(p) for p in written]})
    else:
        say(f"“{conversation.title}” is in {' and '.join(str(p) for p in written)}.")


def _chosen(assistant: Assistant, beginning: str, answer: int | None) -> Conversation:
    found = assistant.conversations.read(assistant.conversations.find(beginning))
    if answer is None:
        return found
    if not 1 <= answer <= len(found.turns):
        refuse(f"--answer {answer}: the conversation has {number_of(len(found.turns), 'answer')}.")
    turn = found.turns[answer - 1]
    return replace(found, title=turn.question, turns=(turn,))
