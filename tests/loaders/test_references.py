from __future__ import annotations

import pytest

from loaders.references import References, label_of


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("Figure 3: The gauge.", "Figure 3"),
        ("Fig. 3-1. The gauge.", "Figure 3-1"),
        ("FIGURE A–2 | The gauge", "Figure A-2"),
        ("Table IV. Floods", "Table IV"),
        ("Chart 2b", "Chart 2b"),
        ("The gauge in figure 3", None),
        ("Figure it out", None),
        ("", None),
        (None, None),
    ],
)
def test_the_label_is_what_a_caption_begins_with(caption: str | None, label: str | None) -> None:
    assert label_of(caption) == label


def test_a_sentence_is_found_by_the_number_that_it_names_however_it_is_written() -> None:
    references = References()
    references.add("The river rose. As Fig. 3 shows, it fell again. See also Figures 4 and 5.")
    assert references.to("Figure 3: The gauge.") == ["As Fig. 3 shows, it fell again."]
    assert references.to("Figure 4. The mill.") == ["See also Figures 4 and 5."]
    assert references.to("Table 3. The mill.") == []


def test_the_caption_itself_is_no_reference_and_nothing_is_said_twice() -> None:
    references = References()
    for _ in range(3):
        references.add("Figure 3: The gauge. In figure 3 the gauge stands.")
    assert references.to("Figure 3: The gauge.") == ["In figure 3 the gauge stands."]
