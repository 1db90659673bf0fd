"""How a piece of evidence names its page."""

from retrievers.evidence import page_name


def test_a_page_is_named_by_its_number_and_by_its_own_label() -> None:
    assert page_name({"page": 7}) == "page 7"
    assert page_name({"page": 7, "page_label": "iv"}) == "page 7 (iv)"
