"""The weights of the signs by which a passage is judged, in logarithms of odds.

Fitted on the `fit` questions; `python -m tests.fit_quotes` fits them anew. Leaves out the signs
themselves: those are in `assistant.quote_score`.
"""

from __future__ import annotations

TEXT = {
    "bias": -3.54,
    "source": -0.16,
    "first": 1.29,
    "words": 1.15,
    "around": 0.44,
    "heading": 1.05,
    "pairs": 0.47,
    "names missing": -0.07,
    "year missing": -0.68,
    "row named": 1.47,
    "words short of best": -0.46,
    "around short of best": -0.56,
    "given": 0.28,
    "not given": -0.50,
    "counted": 0.06,
    "not counted": -0.47,
    "unit": 0.61,
    "no unit": -0.25,
    "extreme": 2.15,
    "row": -0.07,
    "column": -0.34,
    "label": 0.14,
    "in figure asked": 0.81,
    "short": -0.14,
    "long": 0.05,
    "code": -0.42,
    "meaning": 1.10,
}
"""Of a sentence, a row of a table, or words in a picture."""

FIGURE = {
    "bias": -1.56,
    "source": 0.29,
    "first": 1.33,
    "words": 1.43,
    "around": 0.35,
    "heading": -0.28,
    "names missing": -0.46,
    "year missing": -0.85,
    "words short of best": -1.32,
    "around short of best": -0.46,
    "beside": 1.56,
    "given": -0.01,
    "not given": -0.39,
    "counted": -0.86,
    "not counted": -0.07,
    "figure asked": 0.65,
    "figure blank": 0.04,
    "figure, not asked": -0.47,
    "figure, extreme": 0.39,
    "meaning": 0.44,
}
"""Of a picture as a whole."""
