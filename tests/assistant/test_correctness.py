"""Whether an answer says what the gold answer says."""

import json

import pytest

from assistant.correctness import compare
from tests.loaders.reading import CORPUS, with_corpus

RIGHT = {
    "47.75 (F1)": ["The plain baseline reaches 47.75.", "FLAN-T5 — 80M: 47.75"],
    "25%": ["You pay 25 percent.", "25%"],
    "$2,755.5 billion": ["Sales were $2,755.5 billion.", "Total — 2000: 2,755.5"],
    "9,000,000": ["Latin America — Q2: 9000000", "It was 9 million."],
    "about 90": ["It moves to 90.", "It moves to 93."],
    "2020, about -20%": ["In 2020 prices fell by 20%.", "2020: -20%"],
    "It fell by about 20% (2020)": ["The price changed by -19 %."],
    "five (Miami, Orlando, Tampa)": ["Five of them.", "There are 5."],
    "twelve months; up to 24 months after the date of service": ["12 months, abroad 24 months."],
    "the larger one (upper left)": ["The larger one has the islands."],
    "California, 106,864": ["California had the most, 106,864."],
    "S&P 500 and NASDAQ, 0.95": ["The S&P 500 and the NASDAQ: 0.95"],
    "92nd; the threshold is the 90th": ["It is the 92nd percentile; the threshold is 90."],
    "Gold evidence, open-book and closed-book": ["Closed book, open-book, and gold evidence."],
    "Yes, 2021": ["Yes: both in 2021.", "Both peaked in 2021, not in 2020."],
    "No, non-emergency transport is not covered": [
        "Transport that is no emergency is not covered; non-emergency transport is never paid."
    ],
    "No": ["No, it does not."],
    "3B (FLAN-T5-XL)": ["The model of 3B."],
    "DH-06-3, 200 feet": ["Well DH-06-3 is 200 feet deep."],
    "ER-2 and ER-3": ["They flew ER-2 and ER-3."],
    "5 million tonnes": ["5,000,000 tonnes", "Five million tons.", "5 million"],
    "12 km": ["It is 12 kilometres long.", "12"],
    "$12": ["12 dollars", "It costs $12."],
    "-3.2%": ["It fell by 3.2 per cent."],
    "fell by 3.2%": ["It did not rise, it fell by 3.2%."],
    "Texas": ["It is Texas, not Ohio.", "It is not Ohio but Texas.", "Not only Texas."],
    "No, it fell": ["It did not rise, it fell."],
    "Attend to your Configuration": ["The maxim: Attend to your Configuration!"],
    "The plan covers hearing tests, aids and routine maintenance.": [
        "Hearing aids and tests are covered by the plan."
    ],
}
WRONG = {
    "47.75 (F1)": ["It reaches 48.", "The documents give the F1 of 80.", ""],
    "$2,755.5 billion": ["Sales were $2,755.5 million."],
    "about 90": ["It moves to 100."],
    "2020, about -20%": ["In 2019 prices fell by 20%.", "In 2020 prices rose to 20%."],
    "five (Miami, Orlando, Tampa)": ["Miami, Orlando and Tampa."],
    "California, 106,864": ["It has 106,864.", "California had the most, 106,846."],
    "92nd; the threshold is the 90th": ["It is the 92nd percentile."],
    "Gold evidence, open-book and closed-book": ["Gold evidence and closed-book."],
    "Yes, 2021": ["No, it was 2021.", "Yes, 2020."],
    "No, non-emergency transport is not covered": ["Non-emergency transport is covered."],
    "No": ["Yes.", "It may be."],
    "3B (FLAN-T5-XL)": ["The model of 3."],
    "DH-06-3, 200 feet": ["Well DH-06-6 is 200 feet deep, which is 3 times as much."],
    "ER-2 and ER-3": ["They flew ER-2 for 3 days."],
    "Stocks": ["Bonds.", "It isn't stocks."],
    "Texas": ["It is not Texas."],
    "Texas 412": ["It is not Texas that has 412."],
    "412 tonnes": ["412 kilograms"],
    "12 km": ["12 miles"],
    "$12": ["12 €", "12 euros", "12%"],
    "5 million": ["5", "5 thousand"],
    "five days": ["Five weeks."],
    "fell by 3.2%": ["It rose by 3.2%."],
    "increased by 3": ["It decreased by 3."],
    "-3.2%": ["A growth of 3.2%."],
    "Yes, it rose by 5 MW": [
        "It is not true that it rose; it never changed by 5 MW.",
        "It did not rise by 5 MW.",
    ],
    "Yes": ["Yes and no.", "Nobody knows."],
    "The plan covers hearing tests, aids and routine maintenance.": ["The plan covers surgery."],
}


@pytest.mark.parametrize(("gold", "answer"), [(g, a) for g in RIGHT for a in RIGHT[g]])
def test_an_answer_that_says_all_of_the_gold_one_is_correct(gold: str, answer: str) -> None:
    assert compare(gold, answer).correct


@pytest.mark.parametrize(("gold", "answer"), [(g, a) for g in WRONG for a in WRONG[g]])
def test_an_answer_that_lacks_something_or_denies_it_is_not(gold: str, answer: str) -> None:
    assert not compare(gold, answer).correct


def test_exact_means_the_same_words_without_articles_and_punctuation() -> None:
    assert compare("the Fox", "Fox.").exact
    assert compare("100 days (a year)", "100 days").exact
    assert not compare("the Fox", "It was the Fox.").exact


def test_numbers_are_judged_apart_and_only_where_there_are_some() -> None:
    assert compare("California, 106,864", "Texas has 106,864.").numeric is True
    assert compare("California, 106,864", "California").numeric is False
    assert compare("stocks", "stocks").numeric is None


def test_f1_is_that_of_the_words() -> None:
    # Two of the three words of the answer are the two of the gold one: 2 * 2 / (2 + 3).
    assert compare("crown jewels (of Russia)", "The stolen crown jewels").f1 == pytest.approx(0.8)
    assert compare("crown jewels", "a duck").f1 == 0.0


@with_corpus
def test_every_gold_answer_of_the_corpus_is_a_correct_answer_to_itself() -> None:
    rows = [
        json.loads(line)
        for path in (CORPUS / "qa").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert rows
    assert not [r["id"] for r in rows if r["answerable"] and not _is_whole(r["answer"])]


def _is_whole(gold: str) -> bool:
    found = compare(gold, f"{gold}. So says the report.")
    return found.correct and found.numeric is not False and compare(gold, gold).exact
