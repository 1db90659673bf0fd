"""Takes the Markdown, HTML and links out of text while it is written; only its words are left.

Marks of sources become private characters. Reads each character once, and what may become a
mark or a link at most `MAX_HELD_CHARS` at a time. Leaves out sentences: `assistant.written`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MAX_MARK = 999
MAX_RANGE = 20
MAX_HELD_CHARS = 600
"""What is open for longer, such as a bracket, is taken as it stands."""
MAX_WORD_CHARS = 200
N_BEFORE = 16
"""So many characters before the one that is read are looked at."""

FIRST_MARK_SIGN = 0xE000
MARK_SIGNS = re.compile(f"[{chr(FIRST_MARK_SIGN)}-{chr(FIRST_MARK_SIGN + MAX_MARK)}]")
"""Private characters that stand for marks while the text is cut into sentences."""
PRIVATE = re.compile("[\ue000-\uf8ff]")
NO_SPACES = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
"""A letter of a script that is written without spaces."""

NAMED = (
    r"(?:(?:see|cf\.?|from)[ \t]+)?(?:sources?|docs?|documents?|refs?|references?|quellen?)\b"
    r"\.?:?[ \t]*#?"
)
NUMBERS = rf"\d{{1,3}}(?:[ \t]*(?:,|;|–|-|and|&|und)[ \t]*(?:{NAMED})?\d{{1,3}})*"
PLACE = (
    r"[ \t]*[,;:][ \t]*(?:pp?|pages?|s|seiten?|sec|sections?|figs?|figures?|tables?|slides?|sheets?"
    r"|rows?)\b[^\[\]()\n]*"
)
TARGET = r"\((?:[^()\n]|\([^()\n]*\))*\)"
MARK = (
    rf"[ \t]*(?:\[\^?(?:{NAMED})?|【(?:{NAMED})?|\((?:see[ \t]+)?(?=sources?\b|quellen?\b){NAMED})"
    rf"(?P<mark>{NUMBERS})(?:[ \t]*†[^\]】\n]*|{PLACE})?[ \t]*[\]】)](?!{TARGET})"
)
ONE_MARK = re.compile(rf"\^?(?:{NAMED})?(?P<mark>{NUMBERS})(?:{PLACE})?", re.IGNORECASE)
NUMBER_RANGE = re.compile(r"(\d{1,3})(?:[ \t]*[–-][ \t]*(\d{1,3}))?")
INTERVAL = re.compile(r"[ \t]*\[(\d{1,3})[ \t]*[,;–-][ \t]*(\d{1,3})[ \t]*\]")
OF_INTERVAL = re.compile(
    r"(?:\b(?:intervals?|ranges?|scale|between|(?:values?|numbers?|scores?|ratings?|lies?|lying|falls?)"
    r"[ \t]+in)|\\in|[∈=])[ \t*_]*$",
    re.IGNORECASE,
)
"""What stands before an interval. After a mere "in" it is marks: "as shown in [1, 5]"."""
CODE = r"(?P<ticks>`+)(?!`)(?P<code>[^`\n]+)(?P=ticks)(?!`)|(?P<fence>```+[\w+#.-]*[ \t]*(?=\n))"
URL = r"(?<!\w)(?:https?|ftp)://[^\s<>\[\]()]*[^\s<>\[\]().,;:!?'\"’”]"
NOT_WORDS = (
    r"(?P<left_out>!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])?"
    r"|\[[^\[\]\n]*\]:[ \t]*<?[a-z]+:\S+"
    rf"|<(?:https?|ftp|mailto|file|data):[^<>\s]*>|{URL})"
)
"""Pictures, targets of links and addresses."""
LINK = rf"\[(?P<link>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]{TARGET}"
LONG_TAGS = """
    abbr article aside audio base blockquote body br button canvas center cite code col dd
    del details div dl dt em embed figcaption figure font footer form frame h[1-6] head header hr
    html iframe img input ins kbd label li link main mark math meta nav noscript object ol option
    picture pre samp script section select small source span strong style sub summary sup svg table
    tbody td textarea tfoot th thead think thinking title tr tt ul var video"""
HTML = (
    rf"<!--[^<>]*-->|<!doctype[^<>]*>|</?(?P<tag>(?:{'|'.join(LONG_TAGS.split())})\b(?=[\s/>])"
    r"|[abipqsu](?=\s*/?>|\s+[\w:-]+\s*=))[^<>]*>"
)
BREAKING_TAG = re.compile(r"br|div|h\d|li|p|tr", re.IGNORECASE)
RAISED = r"<sup>[ \t]*(?P<raised>\d{1,3}(?:[ \t]*[,;–-][ \t]*\d{1,3})*)[ \t]*</sup>"
RAISED_SIGNS = r"(?P<raised_signs>[⁰¹²³⁴-⁹]+)"
MAY_BE_MARKED = re.compile(r"(?:[.!?,;:)”\"’*\s]|[^\W\d_]{4})$")
UNIT = re.compile(
    r"(?:met(?:er|re)s?|inch(?:es)?|feet|foot|seconds?|miles?|yards?)$", re.IGNORECASE
)
"""What a raised number belongs to: it is no mark there."""
TO_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
FROM_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
NAME = r"(?P<name>(?-i:__[a-z0-9]+(?:_[a-z0-9]+)*__)(?!\w))"
"""A name of a program, such as __init__."""
EMPHASIS = r"(?P<emphasis>\*+|_+|`+)"
WHOLE = re.compile(
    "|".join((CODE, NOT_WORDS, LINK, RAISED, RAISED_SIGNS, MARK, HTML, NAME, EMPHASIS)),
    re.IGNORECASE,
)
OPEN_BRACKET = (
    r"!(?:\[[^\]\n]*(?:\](?:\([^)\n]*|\[[^\]\n]*)?)?)?"
    r"|\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*(?:\[[^\[\]\n]*"
    r"|\](?:\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?|:[ \t]*\S*)?)?"
    r"|【[^】\n]*(?:】(?:\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?)?)?"
    r"|\((?:[sq](?:[eou][^()\n]*(?:\)(?:\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?)?)?)?)?"
)
OPEN = re.compile(
    rf"[ \t]+|[ \t]*(?:{OPEN_BRACKET}|<(?:/?[a-z!][^<>]*|/)?"
    r"|(?:h|ht|htt|f|ft|(?:https?|ftp)(?::(?:/(?:/\S*)?)?)?))"
    r"|<sup>[\d ,;–\t-]*(?:<(?:/(?:s(?:up?)?)?)?)?|[⁰¹²³⁴-⁹]+|`+(?:[^`\n]*`*)?|\*+|_+[a-z0-9_]*",
    re.IGNORECASE,
)
"""What may become one of those with what comes next: all their beginnings."""
OPENERS = frozenset(" \t![【(<`*_hHfF⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain_words(pieces: Iterable[str]) -> Iterator[str]:
    """The text without pictures, links, HTML and emphasis; marks as private characters.

    Given word by word, so that it is the same however the pieces are cut. White space is one
    blank or line feed. A link that the model wrote is its words, an address nothing.
    """
    reader = _Reader()
    for piece in pieces:
        yield from reader.read(PRIVATE.sub("", piece))
    yield from reader.read("", is_end=True)


class _Reader:
    """Goes through a text once. _at: up to where; before it only what is looked back at."""

    def __init__(self) -> None:
        self._held = ""
        self._at = 0
        self._word = ""
        self._ready: list[str] = []
        self._last = ""
        self._is_bold = False
        self._closers = ""

    def read(self, text: str, *, is_end: bool = False) -> list[str]:
        """The words that are sure to read the same whatever comes next."""
        self._held += text
        while self._at < len(self._held):
            if self._held[self._at] not in OPENERS:
                self._give(self._held[self._at])
                self._at += 1
                continue
            end = min(self._at + MAX_HELD_CHARS, len(self._held))
            is_full = is_end or end - self._at == MAX_HELD_CHARS
            if not is_full and OPEN.fullmatch(self._held, self._at, end):
                break
            self._take(end)
        if self._at > N_BEFORE:
            self._held, self._at = self._held[self._at - N_BEFORE :], N_BEFORE
        if is_end:
            self._give_word()
        ready, self._ready = self._ready, []
        return ready

    def _take(self, end: int) -> None:
        """Reads what begins here: something that is not words, or a character."""
        found = WHOLE.match(self._held, self._at, end)
        if not found:
            self._give(self._held[self._at])
            self._at += 1
        elif found["link"] is not None and not ONE_MARK.fullmatch(found["link"]):
            before, after = self._held[: self._at], self._held[found.end() :]
            self._held = before + found["link"] + after
        else:
            self._give(self._words_of(found))
            self._at = found.end()

    def _words_of(self, found: re.Match[str]) -> str:
        """What is left of it."""
        before = found.string[max(0, found.start() - N_BEFORE) : found.start()]
        if found["link"] is not None:
            mark = ONE_MARK.fullmatch(found["link"])
            return _signs(mark["mark"], "") if mark else ""
        if found["mark"]:
            ends = INTERVAL.fullmatch(found[0])
            if ends and int(ends[1]) < int(ends[2]) and OF_INTERVAL.search(before):
                return found[0]
            return _signs(found["mark"], found[0])
        if raised := found["raised"] or found["raised_signs"]:
            raised = raised.translate(FROM_RAISED)
            if MAY_BE_MARKED.search(before) and not UNIT.search(before):
                return _signs(raised, "")
            return raised.translate(TO_RAISED)
        if found["emphasis"]:
            return self._emphasis(found["emphasis"], before, found.string[found.end() :][:1])
        if found["left_out"]:
            self._closers = ".,;:!?"
        if found["tag"]:
            return "\n" if BREAKING_TAG.fullmatch(found["tag"]) else ""
        return found["name"] or re.sub(URL, "", found["code"] or "")

    def _emphasis(self, signs: str, before: str, after: str) -> str:
        """ "" where the signs set words off; the signs where they are an operator or of a name."""
        if signs == "_" or not (before[-1:].strip() or after.strip()):
            return signs
        if signs[0] != "`" and _is_letter(before[-1:]) and _is_letter(after):
            is_number = before[-1:].isdigit() or after.isdigit()
            if is_number or signs[0] == "_" or len(signs) == 1 or not self._is_bold:
                return signs
        if len(signs) > 1:
            self._is_bold = not self._is_bold
        return ""

    def _give(self, text: str) -> None:
        for sign in text:
            if sign.isspace():
                plain = "\n" if sign == "\n" else " "
                if self._last != "\n" and (plain == "\n" or self._last != " "):
                    self._give_word()
                    self._word = self._last = plain
                continue
            if self._word == " " and (MARK_SIGNS.match(sign) or sign in self._closers):
                self._word = ""
            self._closers = ""
            if NO_SPACES.match(sign) or len(self._word) >= MAX_WORD_CHARS:
                self._give_word()
            self._word += sign
            self._last = sign

    def _give_word(self) -> None:
        if self._word:
            self._ready.append(self._word)
            self._word = ""


def _is_letter(sign: str) -> bool:
    return sign.isalnum() and not NO_SPACES.match(sign)


def _signs(numbers: str, text: str) -> str:
    """Private characters for the marks; the text where there is a 0 among several: an interval."""
    marks: list[int] = []
    found = NUMBER_RANGE.findall(numbers)
    for first, last in found:
        end = int(last or first)
        marks += range(int(first), min(end, int(first) + MAX_RANGE) + 1)
    if 0 in marks and len(marks) > 1:
        return text
    return "".join(chr(FIRST_MARK_SIGN + mark) for mark in marks if 0 < mark <= MAX_MARK)
