"""Reciprocal rank fusion."""

from hypothesis import given
from hypothesis import strategies as st

from retrievers.fusion import fuse

RANKINGS = st.lists(st.lists(st.integers(0, 30), unique=True), min_size=1, max_size=4)


def test_what_both_searches_find_comes_before_what_one_finds() -> None:
    assert fuse([[1, 2, 3], [3, 4, 5]])[0] == 3


def test_on_a_tie_the_first_ranking_decides() -> None:
    assert fuse([[1, 2], [2, 1]]) == [1, 2]


@given(RANKINGS)
def test_everything_found_is_in_the_result_once(rankings: list[list[int]]) -> None:
    fused = fuse(rankings)
    assert len(fused) == len(set(fused))
    assert set(fused) == {item for ranking in rankings for item in ranking}


@given(st.lists(st.integers(), unique=True))
def test_fused_with_itself_a_ranking_stays_as_it_is(ranking: list[int]) -> None:
    assert fuse([ranking, ranking]) == ranking
