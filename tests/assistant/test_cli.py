"""The command line, run as a person runs it, over a real library."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.real_library import CAPTION, REAL_ANSWER, REAL_QUESTION, REAL_WISH
from tests.assistant.warm_command import limner, limner_json
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import CORPUS, with_corpus

ANSWER_KEYS = {"question", "answer", "grounded", "sentences", "sources", "model", "timings_s"}
METADATA_KEYS = {"source", "title", "modality", "chunk_id"}
FIGURE_KEYS = METADATA_KEYS | {
    "image_url", "image_key", "width", "height", "caption", "descriptions"
}  # fmt: skip


@pytest.fixture
def library(real_library: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(real_library, tmp_path / "library"))


def test_help_comes_at_once() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert limner("--help").returncode == 0
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


def test_what_takes_long_to_import_waits_until_it_is_used() -> None:
    heavy = {"langchain", "langchain_core", "langsmith", "torch", "numpy", "PIL", "pydantic"}
    code = "import sys, assistant, assistant.cli.app; print(*sys.modules)"
    python = [sys.executable, "-c", code]
    done = subprocess.run(python, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "assistant.cli.app" in done.stdout
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}


def test_add_reports_every_file_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "notes.md").write_text("# Oil\n\nOil fell in 2020.")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    (folder / "sheet.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    report = limner_json("add", folder, "--library", tmp_path / "library")
    assert (report["added"], report["updated"], report["unchanged"]) == (1, 0, 0)
    failed = {f["source"].rsplit("/", 1)[-1]: f["reason"] for f in report["failed"]}
    assert set(failed) == {"broken.pdf", "sheet.xlsx"}
    assert all(reason.endswith(".") for reason in failed.values())
    assert {"figures", "chunks", "pages", "seconds", "skipped"} <= set(report)
    again = limner_json("add", folder, "--library", tmp_path / "library")
    assert (again["added"], again["unchanged"], len(again["failed"])) == (0, 1, 2)


def test_files_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("may", "june"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "empty.pdf").touch()
    told = limner("add", tmp_path / "in", "--library", tmp_path / "library").stdout
    assert "  june/empty.pdf: " in told
    assert "  may/empty.pdf: " in told


def test_what_is_left_out_for_one_reason_is_one_line(tmp_path: Path) -> None:
    pictures = [f"![{n}](https://example.org/{n}.png)" for n in range(3)]
    (tmp_path / "web.md").write_text("\n\n".join(["Oil fell in 2020.", *pictures]))
    told = limner("add", tmp_path / "web.md", "--library", tmp_path / "library").stdout
    (line,) = [line for line in told.splitlines() if "not fetched" in line]
    assert line.startswith("  web.md: The picture https://example.org/0.png and 2 more: ")


def test_add_reads_with_any_langchain_loader(tmp_path: Path) -> None:
    (tmp_path / "sums.csv").write_text("name;sum\noil;40\n")
    loader = "langchain_community.document_loaders:CSVLoader"
    arguments = (tmp_path / "sums.csv", 'csv_args={"delimiter": ";"}')
    library = tmp_path / "library"
    report = limner_json("add", "--loader", loader, *arguments, "--library", library)
    assert (report["added"], report["chunks"]) == (1, 1)
    shown = limner_json("show", "sums.csv", "--library", library)
    assert shown["evidence"][0]["text"] == "name: oil\nsum: 40"


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        ("langchain_community.document_loaders:Nothing", "cannot be imported"),
        ("no colon", "cannot be imported"),
        ("pathlib:Path", "is no LangChain loader"),
        ("langchain_community.document_loaders:CSVLoader", "does not take"),
    ],
)
def test_a_loader_that_is_none_is_named(loader: str, words: str, tmp_path: Path) -> None:
    result = limner("add", "--loader", loader, "a", "b=1", "--library", tmp_path / "library")
    assert result.returncode == 2
    assert words in result.stderr


def test_add_fails_where_nothing_could_be_read(tmp_path: Path) -> None:
    result = limner("add", tmp_path / "none.pdf", "--library", tmp_path / "library")
    assert result.returncode == 1
    assert "is not there" in result.stdout


def test_list_show_search_and_remove_keep_their_contracts(library: Path) -> None:
    (document,) = limner_json("list", "--library", library)["documents"]
    told = {"source", "title", "pages", "chunks", "figures", "added_at"}
    assert set(document) == told | {"dated_at", "collections"}
    assert document["figures"] == 1

    shown = limner_json("show", "lighthouse.md", "--library", library)
    assert shown["source"] == document["source"]
    assert all(set(e) >= METADATA_KEYS | {"text"} for e in shown["evidence"])
    (figure,) = (e for e in shown["evidence"] if e["modality"] == "figure")
    assert set(figure) >= FIGURE_KEYS

    found = limner_json("search", "visitors chart", "--modality", "figure", "--library", library)
    assert found["query"] == "visitors chart"
    assert [hit["rank"] for hit in found["hits"]] == [1]
    assert found["hits"][0]["caption"] == CAPTION
    assert -1 <= found["hits"][0]["score"] <= 1

    assert limner("remove", "lighthouse.md", "--library", library).returncode == 0
    assert limner_json("list", "--library", library)["documents"] == []
    assert [p for p in (library / "media").rglob("*") if p.is_file()] == []


def test_show_draws_a_pdf_that_is_in_no_library(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, "The river rose in April.")])
    drawn = limner_json("show", path, "--draw", tmp_path / "pages", cwd=tmp_path)
    assert drawn["source"] == path.as_uri()
    assert (drawn["pages"], drawn["skipped"]) == (1, [])
    assert drawn["files"] == [str(tmp_path / "pages" / "river-page-1.png")]
    told = limner("show", "river.pdf", "--draw", "pages", cwd=tmp_path)
    assert "1 of 1 pages drawn in pages" in told.stdout
    assert not (tmp_path / ".limner").exists()


@with_corpus
def test_show_draws_a_locked_pdf_with_its_password(tmp_path: Path) -> None:
    path = CORPUS / "docs" / "libreoffice-writer-password.pdf"
    refused = limner("show", path, "--draw", tmp_path, cwd=tmp_path)
    assert refused.returncode == 1
    assert "needs a password" in refused.stderr
    asked = ("show", path, "--draw", tmp_path)
    assert limner_json(*asked, "--password", "openpassword", cwd=tmp_path)["pages"] == 1
    env = {"LIMNER_PASSWORD": "openpassword"}
    assert limner_json(*asked, cwd=tmp_path, env=env)["pages"] == 1


def test_show_draws_a_pdf_of_the_library_by_its_name(library: Path, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, "The river rose in April.")])
    assert limner_json("add", path, "--library", library)["added"] == 1
    drawn = limner_json("show", "riv*.pdf", "--draw", tmp_path / "x", "--library", library)
    assert [Path(file).name for file in drawn["files"]] == ["river-page-1.png"]


def test_search_by_a_picture_finds_its_copy(library: Path) -> None:
    (picture,) = (library / "media").glob("*.png")
    found = limner_json("search", "--image", picture, "--library", library)
    assert found["hits"][0]["image_key"] == picture.name


@pytest.mark.real
def test_ask_answers_with_a_citation_and_a_figure(library: Path) -> None:
    answer = limner_json("ask", REAL_QUESTION, "--llm", "embedded", "--library", library)
    assert set(answer) == ANSWER_KEYS
    assert answer["grounded"]
    assert REAL_ANSWER in answer["answer"]
    assert set(answer["sentences"][0]) == {
        "text",
        "citations",
        "figures",
        "support",
        "supported",
        "lead",
    }
    n = answer["sentences"][0]["citations"][0]
    assert answer["sources"][n - 1]["cited"]

    shown = limner("ask", REAL_WISH, "--llm", "embedded", "--library", library)
    assert shown.returncode == 0
    assert CAPTION in shown.stdout
    assert "media/" in shown.stdout


@pytest.mark.real
def test_ask_says_so_where_the_library_does_not_know(library: Path) -> None:
    answer = limner_json(
        "ask", "Who won the football cup?", "--llm", "embedded", "--library", library
    )
    assert answer["answer"] == "The documents do not say."
    assert not answer["grounded"]
    assert answer["sentences"][0]["citations"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ask", "x", "--library", "none"], 1, "limner add"),
        (["search", "x", "--library", "none"], 1, "There is no library"),
        (["search"], 2, "Give a query"),
        (["ask", " "], 2, "Give a question"),
        (["ask", "x", "--llm", "embedded", "--model", "m"], 2, "--model m"),
        (["evaluate", "q.jsonl", "--ranked", "none/x"], 2, "none/x cannot be written"),
        (["evaluate", "q.jsonl", "--answers", "none/x"], 2, "none/x cannot be written"),
        (["evaluate", "q.jsonl", "--split", "half"], 2, "--split is fit or report, not half"),
        (["ask", "x", "--llm", "gpt9"], 2, "llm = 'gpt9' is not valid"),
        (["search", "x", "--modality", "smell"], 2, "smell"),
        (["nonsense"], 2, "nonsense"),
        (["show", "none.pdf"], 1, "There is no library"),
        (["show", "none.pdf", "--draw", "pages"], 1, "none.pdf is not there"),
        (["show", __file__, "--draw", "pages"], 1, "test_cli.py is"),
        (["show", __file__, "--draw", "/dev/null/x"], 2, "/dev/null/x cannot be written"),
        (["serve", "--host", "0.0.0.0"], 2, "loopback"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    result = limner(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_what_a_document_holds_reaches_the_terminal_as_words_only(tmp_path: Path) -> None:
    (tmp_path / "\x1b[31mred.html").write_text(
        "<h1>T&#27;]0;x&#7;</h1><p>Oil\x9b2J fell\u202e in :+1: [b]2020[/b].</p>"
    )
    library = ("--library", tmp_path / "library")
    outputs = [
        limner("add", tmp_path, *library),
        limner("list", *library),
        limner("show", "*red.html", *library),
        limner("search", "oil", *library),
        limner("show", "*red.html", "--json", *library),
    ]
    for result in outputs:
        assert result.returncode == 0, result.stderr
        assert (
            re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.stdout + result.stderr) == []
        )
    assert "[31mred.html" in outputs[1].stdout
    assert "Oil2J fell in :+1: [b]2020[/b]." in outputs[2].stdout
    evidence = json.loads(outputs[4].stdout)["evidence"]
    assert any("Oil\x9b2J fell\u202e" in e["text"] for e in evidence)


def test_an_argument_that_is_no_path_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Oil\n\nOil fell in 2020.")
    odd = ["http://[", "~nobody-of-that-name/x.md", "file://[", "\udcff.pdf"]
    env = {"PYTHONIOENCODING": "utf-8:strict"}
    options = ("--library", tmp_path / "library")
    report = limner_json("add", *odd, "good.md", *options, cwd=tmp_path, env=env)
    assert (report["added"], len(report["failed"])) == (1, 4)
    told = limner("add", *odd, "good.md", *options, cwd=tmp_path, env=env)
    assert told.returncode == 0, told.stderr
    assert "1 unchanged, 4 failed" in told.stdout
    shown = limner("show", "~nobody-of-that-name/x.md", *options, cwd=tmp_path)
    assert shown.returncode == 1
    assert "`limner list` prints the sources" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_glob_that_matches_no_document_is_an_error(command: str, library: Path) -> None:
    result = limner(command, REAL_QUESTION, "--source", "*.xyz", "--library", library)
    assert result.returncode == 1
    assert "--source *.xyz matches no document" in result.stderr
    assert "limner list" in result.stderr
    assert result.stdout == ""


def test_remove_takes_nothing_where_one_source_is_unknown(library: Path) -> None:
    names = ("lighthouse.md", "none.md")
    result = limner("remove", *names, "--json", "--library", library)
    assert result.returncode == 1
    assert "none.md" in result.stderr
    assert len(limner_json("list", "--library", library)["documents"]) == 1
    twice = limner_json("remove", "lighthouse.md", "*.md", "--library", library)
    assert [source.rsplit("/", 1)[-1] for source in twice["removed"]] == ["lighthouse.md"]


def test_demo_names_a_file_that_is_not_there(library: Path) -> None:
    result = limner("demo", "none.txt", "--library", library)
    assert result.returncode == 1
    assert "none.txt cannot be read" in result.stderr
    assert "Traceback" not in result.stderr


def test_only_limners_own_variables_are_read(tmp_path: Path) -> None:
    result = limner("list", "--library", tmp_path / "none", env={"LOGLEVEL": "debug"})
    assert result.returncode == 1
    assert "There is no library" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_stopped_ollama_is_named_with_what_to_do(library: Path) -> None:
    env = {"LIMNER_OLLAMA_HOST": "http://127.0.0.1:9"}
    result = limner("ask", REAL_QUESTION, "--library", library, env=env)
    assert result.returncode == 1
    assert "ollama serve" in result.stderr


def test_doctor_names_every_part(library: Path) -> None:
    checks = limner_json("doctor", "--library", library)["checks"]
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in checks)
    assert {"embeddings", "library", "llm", "blip", "ocr"} <= {check["name"] for check in checks}


@pytest.mark.real
def test_evaluate_writes_its_ranking_and_its_answers(library: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    row = {"id": "q1", "question": REAL_QUESTION, "answer": REAL_ANSWER, "doc": "lighthouse.md"}
    questions.write_text(f"{json.dumps(row)}\n{json.dumps(row | {'id': 'q2'})}")
    ranked, answers = tmp_path / "ranked.jsonl", tmp_path / "answers.jsonl"
    metrics = limner_json(
        *("evaluate", questions, "--ranked", ranked, "--answers", answers, "--split", "fit"),
        *("--llm", "embedded", "--library", library),
    )
    assert metrics["n_questions"] == 1
    assert metrics["library"]["document_recall@1"] == 1.0
    assert json.loads(ranked.read_text())["id"] == "q1"
    assert metrics["answers"]["correctness"]["correct"] == 1.0
    answer = json.loads(answers.read_text())
    assert (answer["id"], set(answer["answer"])) == ("q1", ANSWER_KEYS)


@pytest.mark.real
def test_chat_answers_until_an_empty_line(library: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "assistant.cli", "chat", "--llm", "embedded", "--library", library],
        input=f"{REAL_QUESTION}\n\n",
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=True,
    )
    assert REAL_ANSWER in result.stdout


def test_chat_goes_on_after_an_error_of_the_library(library: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "assistant.cli", "chat", "--llm", "embedded", "--library", library],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(),
    ) as chat:
        assert chat.stdout
        assert "1 document, " in chat.stdout.readline()
        for file in library.glob("*.sqlite*"):
            file.write_bytes(b"no database " * 1000)
        _, said = chat.communicate("What?\nWhat?\n\n", timeout=120)
    assert said.count("limner: ") == 2, said
    assert chat.returncode == 0
