"""The weights of the signs by which a passage is judged, in logarithms of odds.

Fitted on the `fit` questions by `python -m tests.assistant.fit_quotes`. Leaves out the signs
themselves: those are in `assistant.quote_score`.
"""

from __future__ import annotations

TEXT = {
    "bias": -3.57,
    "source": -1.02,
    "first": 1.69,
    "words": 1.38,
    "around": 0.18,
    "heading": 1.41,
    "pairs": 0.13,
    "names missing": -0.04,
    "year missing": -1.20,
    "row named": 1.77,
    "words short of best": -0.24,
    "around short of best": -0.96,
    "given": 0.50,
    "not given": -0.73,
    "counted": 0.04,
    "not counted": -0.84,
    "unit": 0.59,
    "no unit": -0.36,
    "extreme": 2.31,
    "row": -0.14,
    "column": -0.66,
    "label": 0.21,
    "in figure asked": 1.03,
    "short": -0.24,
    "long": 0.08,
    "code": -0.79,
    "meaning": 1.72,
}
"""Of a sentence, a row of a table, or words in a picture."""

FIGURE = {
    "bias": -1.83,
    "source": -0.62,
    "first": 1.95,
    "words": 2.85,
    "around": -0.01,
    "heading": -1.37,
    "names missing": -0.80,
    "year missing": -1.92,
    "words short of best": -2.79,
    "around short of best": -0.64,
    "beside": 2.07,
    "beside next": 1.64,
    "given": -0.06,
    "not given": -0.52,
    "counted": -1.41,
    "not counted": -0.09,
    "figure asked": 0.94,
    "figure blank": 0.21,
    "figure, not asked": -0.76,
    "figure, extreme": 0.49,
    "meaning": 1.15,
}
"""Of a picture as a whole."""
