"""The estimate of tokens, against the tokenizer of the embedded model."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.prompt import prompt_text
from assistant.tokens import answer_tokens, n_tokens, own_tokens, prompt_tokens

README = Path(__file__).parents[2] / "README.md"
ROWS = "\n".join(f"| {n} | {n * 37.25:,.2f} | µg/L | –{n / 7:.3f} |" for n in range(60))
TEXTS = {
    "English": README.read_text("utf-8")[:6_000],
    "table": f"| No. | Amount | Unit | Change |\n| --- | --- | --- | --- |\n{ROWS}",
    "numbers": " ".join(str(n**3) for n in range(200)),
    "code": Path(__file__).read_text("utf-8"),
    "German": "Die Übermittlung geschützter Größen verlängert die Prüfungsvorschrift erheblich. "
    * 9,
    "French": "L'évaluation des élèves a été achevée à l'été où les données étaient prêtes. " * 9,
    "Spanish": "La producción de energía eléctrica creció según el último año. ¿Cuánto? " * 9,
    "Russian": "Производство электроэнергии выросло в прошлом году на семь процентов. " * 9,
    "Greek": "Η παραγωγή ηλεκτρικής ενέργειας αυξήθηκε κατά επτά τοις εκατό. " * 9,
    "Chinese": "去年发电量增长了百分之七，其中太阳能发电的份额最大。" * 9,
    "Japanese": "昨年の発電量は七パーセント増加し、太陽光の割合が最も大きかった。" * 9,
    "signs": "≤ ± × → • … “x” – [1] {a} α² m³ °C ½ € " * 9,
    "emoji": "🐝 Bee 🦆 Duck 🦙 Llama " * 9,
}


@pytest.fixture(scope="module")
def true_tokens() -> Iterator[Callable[[str], int]]:
    """The tokens that llama.cpp makes of a text with the embedded model."""
    import xllamacpp

    from assistant.embedded import model_path

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path())
    params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 256, 1, False, -1
    params.cpuparams.n_threads = 1
    params.hostnames, params.port = ["127.0.0.1"], 0
    server = xllamacpp.Server(params)
    address = server.listening_address

    def count(text: str) -> int:
        request = urllib.request.Request(
            f"{address}/tokenize", json.dumps({"content": text}).encode()
        )
        with urllib.request.urlopen(request) as reply:
            return len(json.load(reply)["tokens"])

    yield count
    del server


@pytest.mark.real
@pytest.mark.parametrize("kind", TEXTS)
def test_estimate_is_not_below_the_truth(true_tokens: Callable[[str], int], kind: str) -> None:
    truth = true_tokens(TEXTS[kind])
    assert truth <= n_tokens(TEXTS[kind]) <= 2.2 * truth


@pytest.mark.real
@pytest.mark.parametrize("name", ["answer", "guesses"])
def test_our_own_rules_are_not_taken_for_less_than_they_are(
    true_tokens: Callable[[str], int], name: str
) -> None:
    rules = prompt_text(name)
    assert true_tokens(rules) <= own_tokens(rules) <= 1.4 * true_tokens(rules)


def test_prompt_and_answer_share_the_context() -> None:
    assert (answer_tokens(8_192), prompt_tokens(8_192)) == (2_048, 7_104)
    assert (answer_tokens(512), prompt_tokens(512)) == (128, 320)
