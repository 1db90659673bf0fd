"""How likely a passage answers a question, from what can be seen of both.

Leaves out which passages there are, and the choice among them: that is `assistant.quotes`.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from assistant.answer import Source
from assistant.answer_kinds import IN_MONTH, SMALL_NUMBERS, YEAR, months
from assistant.questions import Asked, Wants, meaning, meanings, missing, spelt
from assistant.quotable import Kind, Quotable, heading
from assistant.quote_weights import FIGURE, TEXT
from assistant.sentences import stem, words
from assistant.table_quotes import CELLS

ON_PAGE = 0.9
NOT_OF_SECTION = 0.6
"""Text on the page of a figure but of another section: a wish to see is for one picture of two."""
MOST_OF_ALL = 0.99
"""Who says all that is asked may name a person by a role: "the caretaker"."""
NEAR_WORDS = 4
"""So near to a number stands what it counts."""
USUAL_WORDS = 15
CODE = re.compile(r"[=_{}\[\]]")
TOTAL = re.compile(r"\b(?:all|other|others|overall|total|united states|world)\b", re.IGNORECASE)

Place = tuple[str, int | None, str | None]
"""Document, page and section."""


def likelihood(passage: Quotable, signs: Mapping[str, float], *, meaning: float) -> float:
    """How likely a passage with these signs answers, in [0, 1]. meaning: cosine to the question."""
    weights = FIGURE if passage.kind is Kind.FIGURE else TEXT
    seen = {"bias": 1.0, "meaning": meaning, **signs}
    told = sum(weight * seen[name] for name, weight in weights.items())
    return 1.0 / (1.0 + math.exp(-told))


class Comparison:
    """A question held against the passages among which its answer is sought."""

    def __init__(self, asked: Asked, passages: Sequence[Quotable]) -> None:
        self._asked = asked
        self._named = frozenset().union(*asked.names)
        seen = Counter(m for p in passages for m in p.own)
        terms = [t if t in seen else spelt(t, seen) or t for t in asked.terms]
        self.weights = {t: math.log(1 + len(passages) / (1 + seen[t])) for t in terms}
        """What the question is about → weight: the rarer in the passages, the heavier."""
        self._total = sum(self.weights.values()) or 1.0
        self._pairs = list(pairwise(self.weights))
        self._ranks: dict[tuple[object, ...], int] = {}
        for passage in passages:
            self._ranks.setdefault(passage.series, passage.source.n)
        self._extremes = _extremes(asked, passages, self.weights)
        self._told: defaultdict[Place, set[str]] = defaultdict(set)
        self._best: dict[tuple[bool, str], float] = defaultdict(float)
        for passage in passages:
            is_figure = passage.kind is Kind.FIGURE
            for name, known in (("words", passage.own), ("around", passage.known)):
                best = self._best[is_figure, name]
                self._best[is_figure, name] = max(best, self.covered(known))
            if not passage.source.is_figure:
                self._told[_place(passage.source)] |= passage.own

    @property
    def question(self) -> str:
        """As it was asked."""
        return self._asked.text

    def shows(self, figure: Quotable) -> float:
        """The share of what the question is about that is told of a figure, or beside it."""
        return max(
            self.covered(figure.known), self.covered_beside(figure, same_page=NOT_OF_SECTION)
        )

    def may_answer(self, passage: Quotable) -> bool:
        """Whether it holds the kind of thing without which nothing answers, of no other time."""
        asked = self._asked
        is_figure = passage.kind is Kind.FIGURE
        quote = passage.around if is_figure else passage.quote_for(self.weights)
        if _is_of_other_month(asked, passage.kind, quote) or _is_of_other_year(asked, passage):
            return False
        if is_figure:
            return not asked.takes_no_picture
        is_role = asked.wants is Wants.PERSON and self.covered(passage.own) > MOST_OF_ALL
        return is_role or not asked.takes_only_such or asked.is_given_by(quote)

    def is_extreme(self, passage: Quotable) -> bool:
        """Whether it holds the most, or least, of what the question asks the most or least of."""
        return id(passage) in self._extremes

    def quote_of(self, passage: Quotable) -> str:
        """What is quoted of it: whether something is so is told with what limits it."""
        quote = passage.quote_for(self.weights)
        is_whether = self._asked.wants is Wants.YES_OR_NO
        return f"{quote} {passage.limit}" if is_whether and passage.limit else quote

    def signs(self, passage: Quotable) -> dict[str, float]:
        """What speaks for and against the passage, but for likeness of meaning; about 0 to 1."""
        return self._words(passage) | self._kind_of_answer(passage) | self._kind(passage)

    def covered(self, known: Collection[str]) -> float:
        """The share of what the question is about that is known."""
        return sum(w for t, w in self.weights.items() if t in known) / self._total

    def covered_beside(self, figure: Quotable, *, same_page: float) -> float:
        """The share that the text beside a figure tells.

        In books a picture may face its text. same_page: what text of another section counts there.
        """
        source, page, section = _place(figure.source)
        most = 0.0
        for (other, its_page, its_section), told in self._told.items():
            has_pages = page is not None and its_page is not None
            off = abs((page or 0) - (its_page or 0)) if has_pages else 0
            if other != source or off > 1:
                continue
            is_on_page = has_pages and not off
            nearness = 1.0 if section == its_section else same_page if is_on_page else 0.0
            most = max(most, nearness * self.covered(told))
        return most

    def _words(self, passage: Quotable) -> dict[str, float]:
        caption = passage.source.document.metadata.get("caption", "")
        about = set(meanings(f"{heading(passage.source)} {caption}"))
        in_order = set(pairwise(meanings(passage.text)))
        is_figure = passage.kind is Kind.FIGURE
        row = passage.row.name if passage.row else frozenset()
        return {
            "source": passage.source.score,
            "first": 1.0 / self._ranks[passage.series],
            "words": self.covered(passage.own),
            "around": self.covered(passage.known),
            "heading": len(self.weights.keys() & about) / max(1, len(about)),
            "pairs": sum(p in in_order for p in self._pairs) / max(1, len(self._pairs)),
            "names missing": len(missing(self._named, set(passage.known)))
            / max(1, len(self._named)),
            "year missing": float(not self._asked.years <= passage.years),
            "row named": len(row & self.weights.keys()) / max(1, len(row)),
            "words short of best": self._most(passage, "words") - self.covered(passage.own),
            "around short of best": self._most(passage, "around") - self.covered(passage.known),
            "beside": self.covered_beside(passage, same_page=ON_PAGE) if is_figure else 0.0,
        }

    def _most(self, passage: Quotable, name: str) -> float:
        """The most that any passage covers, of figures or of what else can be quoted."""
        return self._best[passage.kind is Kind.FIGURE, name]

    def _kind_of_answer(self, passage: Quotable) -> dict[str, float]:
        asked = self._asked
        is_figure = passage.kind is Kind.FIGURE
        given = passage.around if is_figure else passage.quote_for(self.weights)
        is_telling = asked.wants not in (Wants.ANYTHING, Wants.YES_OR_NO)
        is_given = not (is_figure and asked.wants is Wants.PERSON) and asked.is_given_by(given)
        is_counted = bool(asked.counted) and _is_counted(asked, passage)
        has_unit = bool(asked.unit and asked.unit.search(given))
        return {
            "given": float(is_telling and is_given),
            "not given": float(is_telling and not is_given),
            "counted": float(is_counted),
            "not counted": float(bool(asked.counted) and not is_counted),
            "unit": float(has_unit),
            "no unit": float(asked.unit is not None and not has_unit),
            "extreme": float(self.is_extreme(passage)),
        }

    def _kind(self, passage: Quotable) -> dict[str, float]:
        about_picture = self._asked.is_about_picture
        is_figure = passage.kind is Kind.FIGURE
        is_sentence = passage.kind is Kind.SENTENCE
        n_words = len(words(passage.text))
        is_part = passage.row is not None and passage.quote_for(self.weights) != passage.text
        return {
            "row": float(passage.kind is Kind.ROW),
            "column": float(is_part),
            "label": float(passage.kind is Kind.LABEL),
            "figure": float(is_figure),
            "figure asked": float(is_figure and about_picture),
            "in figure asked": float(passage.source.is_figure and not is_figure and about_picture),
            "figure blank": float(passage.is_blank),
            "figure, not asked": float(passage.is_blank and not about_picture),
            "figure, extreme": float(is_figure and bool(self._asked.extreme)),
            "short": float(n_words < NEAR_WORDS),
            "long": max(0.0, math.log(max(1, n_words) / USUAL_WORDS)),
            "code": float(is_sentence and len(CODE.findall(passage.text)) > 2),
        }


def _place(source: Source) -> Place:
    about = source.document.metadata
    return str(about.get("source")), about.get("page"), about.get("section")


def _is_of_other_year(asked: Asked, passage: Quotable) -> bool:
    """Whether it names years, and neither it nor the text around it one that is asked about."""
    if not asked.years or asked.wants is Wants.DATE or asked.years & passage.years:
        return False
    told = {int(year) for year in YEAR.findall(passage.text)}
    return bool(told) and not any(min(told) < int(year) < max(told) for year in asked.years)


def _is_of_other_month(asked: Asked, kind: Kind, text: str) -> bool:
    """Whether it tells of another month; of a figure two may be the ends of a range.

    A label stands for itself: another one of the chart may be of the month.
    """
    named = months(text)
    if not asked.months or asked.months & named:
        return False
    if kind is Kind.LABEL:
        return True
    if kind is Kind.FIGURE:
        return len(named) not in (0, 2)
    is_of_one = kind is Kind.ROW or (IN_MONTH.search(text) and len(words(text)) <= USUAL_WORDS)
    return len(named) == 1 and bool(is_of_one)


def _extremes(asked: Asked, passages: Sequence[Quotable], terms: Collection[str]) -> set[int]:
    """The rows (by id) that hold the most, or least, of the column that is asked about."""
    if not asked.extreme:
        return set()
    series: defaultdict[tuple[object, ...], list[tuple[float, int]]] = defaultdict(list)
    for p in passages:
        if not TOTAL.search(p.text.split(CELLS)[0]) and (found := p.number(terms)) is not None:
            series[p.series].append((asked.extreme * found, id(p)))
    return {max(rows)[1] for rows in series.values() if len(rows) > 1}


def _is_counted(asked: Asked, passage: Quotable) -> bool:
    """Whether a number that is new stands near what is to be counted."""
    if passage.row or passage.kind is Kind.FIGURE:
        return bool(asked.counted & passage.known)
    found = words(passage.text)
    told = [meaning(stem(w)) for w in found]
    return any(
        asked.counted & set(told[max(0, i - NEAR_WORDS) : i + NEAR_WORDS + 1])
        for i, word in enumerate(found)
        if (word[0].isdigit() and word not in asked.numbers) or SMALL_NUMBERS.fullmatch(word)
    )
