"""The weights of the signs by which a passage is judged, in logarithms of odds.

Fitted on the `fit` questions; `python -m tests.fit_quotes` fits them anew. Leaves out the signs
themselves: those are in `assistant.quote_score`.
"""

from __future__ import annotations

TEXT = {
    "bias": -3.36,
    "source": 0.12,
    "first": 1.21,
    "words": 1.40,
    "around": 0.36,
    "heading": 0.71,
    "pairs": 0.86,
    "names missing": -0.09,
    "year missing": -0.64,
    "row named": 1.47,
    "words short of best": -0.72,
    "around short of best": -0.95,
    "given": 0.21,
    "not given": -0.45,
    "counted": 0.34,
    "not counted": -0.39,
    "unit": 1.01,
    "no unit": -0.29,
    "extreme": 2.17,
    "row": -0.01,
    "column": -0.37,
    "label": 0.20,
    "in figure asked": 0.78,
    "short": -0.15,
    "long": -0.28,
    "code": -0.73,
    "meaning": 0.66,
}
"""Of a sentence, a row of a table, or words in a picture."""

FIGURE = {
    "bias": -1.19,
    "source": 0.75,
    "first": 0.90,
    "words": 0.76,
    "around": 0.19,
    "heading": 0.25,
    "names missing": -0.41,
    "year missing": -0.57,
    "words short of best": -0.98,
    "around short of best": -0.51,
    "beside": 0.77,
    "given": -0.01,
    "not given": -0.27,
    "counted": -0.45,
    "not counted": -0.15,
    "figure asked": 0.42,
    "figure blank": 0.01,
    "figure, not asked": -0.39,
    "figure, extreme": 0.22,
    "meaning": 0.61,
}
"""Of a picture as a whole."""
