"""True sentences said otherwise by rules that keep what they mean, or with less.

The words are chosen by hand, and the checked code knows nothing of the list.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.claims.statements import SPELLED

SYNONYMS = (
    ("approximately", "about"), ("in order to", "to"), ("additional", "extra"), ("obtain", "get"),
    ("obtained", "got"), ("purchase", "buy"), ("purchased", "bought"), ("utilize", "use"),
    ("demonstrate", "show"), ("demonstrated", "showed"), ("demonstrates", "shows"),
    ("numerous", "many"), ("requires", "needs"), ("require", "need"), ("assist", "help"),
    ("assistance", "help"), ("ensure", "make sure"), ("individuals", "people"),
    ("physician", "doctor"), ("physicians", "doctors"), ("children", "kids"),
    ("entire", "whole"), ("sufficient", "enough"), ("occurs", "happens"), ("occur", "happen"),
    ("occurred", "happened"), ("located", "situated"), ("select", "choose"),
    ("selected", "chosen"), ("receive", "get"), ("received", "got"), ("begin", "start"),
    ("began", "started"), ("begins", "starts"), ("large", "big"), ("rapidly", "quickly"),
    ("rapid", "quick"), ("difficult", "hard"), ("frequently", "often"), ("primarily", "mainly"),
    ("primary", "main"), ("contains", "holds"), ("permits", "allows"), ("permit", "allow"),
    ("prior to", "before"), ("subsequent to", "after"), ("provides", "gives"),
    ("provide", "give"), ("provided", "given"), ("important", "key"), ("indicates", "shows"),
    ("indicate", "show"), ("indicated", "showed"), ("results in", "leads to"),
    ("resulted in", "led to"), ("consists of", "is made up of"), ("such as", "for example"),
    ("regarding", "about"), ("concerning", "about"), ("due to", "because of"),
    ("residents", "inhabitants"), ("employees", "staff"), ("method", "procedure"),
    ("methods", "procedures"), ("goods", "merchandise"), ("medication", "medicine"),
    ("medications", "medicines"), ("illness", "disease"), ("cost", "price"),
    ("determine", "find out"), ("determined", "found"), ("remain", "stay"),
    ("remains", "stays"), ("similar", "alike"), ("area", "region"), ("areas", "regions"),
    ("data", "information"), ("collected", "gathered"), ("conducted", "carried out"),
    ("performed", "carried out"), ("examine", "study"), ("examined", "studied"),
    ("investigate", "study"), ("propose", "suggest"), ("proposed", "suggested"),
    ("various", "several"), ("monitor", "track"), ("achieve", "reach"), ("achieves", "reaches"),
    ("achieved", "reached"), ("discuss", "talk about"), ("discovered", "found"),
    ("attempt", "try"), ("attempted", "tried"), ("commence", "start"), ("terminate", "end"),
    ("comprehensive", "full"), ("relatively", "rather"), ("generally", "usually"),
    ("typically", "usually"), ("commonly", "often"), ("however", "yet"), ("thus", "so"),
    ("therefore", "so"), ("essential", "vital"), ("crucial", "vital"), ("aspect", "side"),
    ("construct", "build"), ("constructed", "built"), ("vehicle", "car"), ("home", "house"),
    ("responses", "replies"), ("response", "reply"), ("errors", "mistakes"), ("task", "job"),
)  # fmt: skip
OTHER_WORD = {a: b for a, b in SYNONYMS}  # noqa: C416 - a dict of the first halves
CONTRACTIONS = (
    (r"\b(is|are|was|were|do|does|did|has|have|had|should|would|could) not\b", r"\1n't"),
    (r"\bcannot\b", "can't"), (r"\bwill not\b", "won't"), (r"\b(It|it) is\b", r"\1's"),
)  # fmt: skip
SHORT_MONTHS = {
    "January": "Jan", "February": "Feb", "August": "Aug", "September": "Sept", "October": "Oct",
    "November": "Nov", "December": "Dec",
}  # fmt: skip
SHORT_FORMS = (
    (r"\bUnited States\b", "U.S."), (r"\bU\.S\.(?= [a-z])", "United States"),
    (r"\bfor example\b", "e.g."), (r"\bversus\b", "vs."), (r"\bgreater than\b", "more than"),
)  # fmt: skip
PARTICIPLES = {
    "used": "use", "provided": "provide", "covered": "cover", "required": "require",
    "caused": "cause", "described": "describe", "operated": "operate", "managed": "manage",
    "owned": "own", "collected": "collect", "prepared": "prepare", "developed": "develop",
    "produced": "produce", "offered": "offer", "paid": "pay", "performed": "perform",
    "supported": "support", "proposed": "propose", "affected": "affect", "determined": "determine",
    "obtained": "obtain", "generated": "generate", "introduced": "introduce",
}  # fmt: skip
SUBJECT = r"(?P<what>(?:The|All|These|This|Such|Any) [a-z]+(?: [a-z]+){0,3})"
AGENT = (
    r"(?P<who>(?:the|a|an|this|your) (?:[A-Za-z]+ ?){1,4}|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,3})"
)
PASSIVE = re.compile(
    rf"{SUBJECT} (?P<be>was|were) (?P<verb>{'|'.join(PARTICIPLES)}) by {AGENT}(?P<rest>\.)"
)
OPENING = re.compile(
    r"(?P<first>(?:In|During|Since|By|At|On|For|After|Before|If|When|While|Because|Although|Until)"
    r" [^,]{4,70}), (?P<rest>(?:the|a|an|it|they|this|these|you|we|there|all|[A-Z][a-z]+|\$?\d)\b"
    r"[^,]*)\.$"
)
LEAD_WORDS = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|Additionally|In addition|For example|"
    r"For instance|Finally|Also|Similarly|As a result|In fact|Generally|Overall|Second|First), "
    r"(?=\w)"
)
ASIDE = re.compile(r" \([^()]*[a-zA-Z]{3}[^()]*\)")
TAIL = re.compile(
    r", (?:which|who|where|including|such as|as well as|and (?:the|it|they|this|these)|so that|"
    r"while|whereas|but)\b[^,]*\.$"
)
LIMITS = re.compile(
    r"\b(?:if|unless|except|only|until|without|provided|either|both|not|neither)\b", re.IGNORECASE
)
MIN_KEPT_WORDS = 6


def reworded(sentence: str, rng: random.Random) -> str | None:
    """The sentence by as many rules as fit; None where fewer than two do."""
    n_used = 0
    text = sentence
    for rule in RULES:
        new = rule(text, rng)
        n_used += new != text
        text = new
    return text if n_used >= 2 else None


def shortened(sentence: str, rng: random.Random) -> str | None:
    """The sentence without an aside, an opening word or a last clause; None where it has none."""
    text = LEAD_WORDS.sub("", ASIDE.sub("", sentence))
    tail = TAIL.search(text)
    if tail and not LIMITS.search(tail[0]) and len(text[: tail.start()].split()) >= MIN_KEPT_WORDS:
        text = f"{text[: tail.start()]}."
    text = text[:1].upper() + text[1:]
    return text if text != sentence and len(text.split()) >= MIN_KEPT_WORDS else None


def _with_synonyms(text: str, rng: random.Random) -> str:
    found = [word for word in OTHER_WORD if re.search(rf"(?<![\w-]){word}(?![\w-])", text)]
    for word in rng.sample(found, min(3, len(found))):
        text = re.sub(rf"(?<![\w-]){word}(?![\w-])", OTHER_WORD[word], text)
    return text


def _otherwise_spelled(text: str, rng: random.Random) -> str:
    for pattern, new in (*CONTRACTIONS, *SHORT_FORMS):
        text = re.sub(pattern, new, text)
    for month, short in SHORT_MONTHS.items():
        text = re.sub(rf"\b{month} (?=\d)", f"{short}. ", text)
    return text


def _with_other_figures(text: str, rng: random.Random) -> str:
    """Small numbers as words and the other way; percent, money and dates in their other forms."""
    digits = {d: w for w, d in SPELLED.items()}
    text = re.sub(r"(?<=\d) percent\b", "%", text) if " percent" in text else re.sub(
        r"(?<=\d)%(?= |\.$|,)", " percent", text
    )  # fmt: skip
    text = re.sub(r"\$(\d[\d,.]*\d) (million|billion)\b", r"\1 \2 dollars", text)
    text = re.sub(
        r"\b(January|February|March|April|May|June|July|August|September|October|November|December)"
        r" (\d{1,2}), (\d{4})\b",
        r"\2 \1 \3",
        text,
    )
    if rng.random() < 0.5:
        return re.sub(rf"\b({'|'.join(SPELLED)})\b(?=[ -][a-z])", lambda m: SPELLED[m[0]], text)
    return re.sub(
        r"(?<![\w.,/$:–-]) (\d{1,2}) (?=[a-z]{3,})(?!percent|million|billion)",
        lambda m: f" {digits.get(m[1], m[1])} ",
        text,
    )


def _in_other_order(text: str, rng: random.Random) -> str:
    """ "In 2005, prices rose." → "Prices rose in 2005."."""
    text = LEAD_WORDS.sub("", text)
    found = OPENING.fullmatch(text)
    if not found or re.search(r"\band\b", found["first"]):
        return text[:1].upper() + text[1:]
    first = found["first"][:1].lower() + found["first"][1:]
    return f"{found['rest'][:1].upper()}{found['rest'][1:]} {first}."


def _as_active(text: str, rng: random.Random) -> str:
    """ "The data were collected by the agency." → "The agency collected the data."."""
    found = PASSIVE.fullmatch(text)
    if not found:
        return text
    past = "paid" if found["verb"] == "paid" else found["verb"]
    who, what = found["who"].strip(), found["what"]
    return f"{who[:1].upper()}{who[1:]} {past} {what[:1].lower()}{what[1:]}."


RULES: tuple[Callable[[str, random.Random], str], ...] = (
    _as_active,
    _in_other_order,
    _otherwise_spelled,
    _with_other_figures,
    _with_synonyms,
)
