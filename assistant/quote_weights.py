"""The weights of the signs by which a passage is judged, in logarithms of odds.

Fitted on the `fit` questions; `python -m tests.fit_quotes` fits them anew. Leaves out the signs
themselves: those are in `assistant.quote_score`.
"""

from __future__ import annotations

TEXT = {
    "bias": -3.39,
    "source": 0.13,
    "first": 1.21,
    "words": 1.38,
    "around": 0.37,
    "heading": 0.72,
    "pairs": 0.85,
    "names missing": -0.08,
    "year missing": -0.62,
    "row named": 1.47,
    "words short of best": -0.72,
    "around short of best": -0.96,
    "given": 0.13,
    "not given": -0.42,
    "counted": 0.36,
    "not counted": -0.40,
    "unit": 1.06,
    "no unit": -0.30,
    "extreme": 2.20,
    "row": 0.01,
    "column": -0.34,
    "label": 0.22,
    "in figure asked": 0.78,
    "short": -0.14,
    "long": -0.28,
    "code": -0.73,
    "meaning": 0.69,
}
"""Of a sentence, a row of a table, or words in a picture."""

FIGURE = {
    "bias": -1.18,
    "source": 0.73,
    "first": 0.91,
    "words": 0.76,
    "around": 0.19,
    "heading": 0.27,
    "names missing": -0.40,
    "year missing": -0.57,
    "words short of best": -0.99,
    "around short of best": -0.51,
    "beside": 0.76,
    "given": 0.01,
    "not given": -0.40,
    "counted": -0.45,
    "not counted": -0.15,
    "figure asked": 0.42,
    "figure blank": 0.01,
    "figure, not asked": -0.39,
    "figure, extreme": 0.21,
    "meaning": 0.58,
}
"""Of a picture as a whole."""
