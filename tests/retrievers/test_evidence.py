"""How a piece of evidence names its page."""

from retrievers.evidence import place_name


def test_a_page_is_named_by_its_number_and_by_its_own_label() -> None:
    assert place_name({"page": 7}) == "page 7"
    assert place_name({"page": 7, "page_label": "iv"}) == "page 7 (iv)"


def test_a_place_is_named_by_page_sheet_or_time() -> None:
    assert place_name({"sheet": "Sales"}) == "sheet Sales"
    assert place_name({"sheet": "Sales", "cells": "B2:F15"}) == "sheet Sales, B2:F15"
    assert place_name({"start": 65.9, "end": 80.0}) == "at 1:05"
    assert place_name({"start": 7389.0}) == "at 2:03:09"
    assert place_name({"page": 3, "start": 5.0}) == "page 3, at 0:05"
    assert place_name({"section": "Intro"}) == ""
