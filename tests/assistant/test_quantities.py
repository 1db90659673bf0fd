"""Quantities are the same by what they are worth, however they are written."""

import pytest

from assistant.quantities import is_given, quantities


def says(claim: str, text: str) -> bool:
    wanted = quantities(claim)
    assert wanted
    return all(is_given(q, quantities(text), text, falls=False) for q in wanted)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("$5 million", "5,000,000 dollars"),
        ("5 million dollars", "$5 million"),
        ("five million dollars", "$5M"),
        ("37%", "37 percent"),
        ("37 per 100", "37 of 100"),
        ("72,861 units", "72861 units"),
        ("1.234.567,5 Euro", "€1,234,567.5"),
        ("3,5 Prozent", "3.5%"),
        ("twenty-five miles", "25 mi"),
        ("a 5-year plan", "5 years"),
        ("March 5, 2006", "5 March 2006"),
        ("between 5 and 10 mm", "5-10 mm"),
        ("5 to 10 million", "5 million to 10 million"),
        ("79,018 million dollars", "Sales (mil. dol.): 79,018"),
        ("about 73,000 units", "72,861 units"),
        ("-5", "−5"),
    ],
)
def test_the_same_worth_otherwise_written(claim: str, text: str) -> None:
    assert says(claim, text)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("5 million", "5 billion"),
        ("5 mm", "5 cm"),
        ("5 percent", "5 million"),
        ("55.6", "55.6 million"),
        ("5 percent", "5 employees"),
        ("72,861", "72,862"),
        ("73,000", "72,861"),
        ("-5", "5"),
        ("2005", "2006"),
        ("three", "seven"),
    ],
)
def test_another_worth_or_unit(claim: str, text: str) -> None:
    assert not says(claim, text)


def test_one_is_a_number_only_where_it_counts() -> None:
    assert quantities("It is one of them.") == ()
    assert [q.value for q in quantities("one mile")] == [1.0]
