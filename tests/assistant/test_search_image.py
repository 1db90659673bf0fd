"""A picture as a question: in Python, over HTTP, on the command line; and hostile ones."""

import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

from assistant.api import MAX_BODY_BYTES, MAX_PICTURE_BYTES, create_app
from assistant.assistant import Assistant
from assistant.doctor import Check, checks
from assistant.report import Progress
from assistant.settings import Settings
from loaders import BrokenPicture, FigureDescriber, LimitExceeded, LoaderError
from loaders.media import MediaStore
from retrievers import Hit, LibraryLocked
from tests.assistant.command_line import IN_WORDS, ROOT, clean_environment
from tests.assistant.warm_command import limner, limner_json
from tests.retrievers.test_pictures import chart, scene
from tests.retrievers.tiny_clip import save_tiny_clip

KINDS = ["boats", "ports", "nets"]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(folder: Path, name: str, image: Image.Image) -> Path:
    """A document with one figure."""
    (folder / f"{name}.png").write_bytes(encoded(image))
    page = folder / f"{name}.md"
    page.write_text(f"# About {name}\n\nWhat we know of {name}.\n\n![{name} by year]({name}.png)\n")
    return page


class Reader:
    """Says the same of every picture, and counts how often it is asked."""

    fingerprint = "reader:1"

    def __init__(self) -> None:
        self.n_read = 0

    def read(self, images: list[Image.Image]) -> list[str]:
        self.n_read += len(images)
        return ["nets by year" for _ in images]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library over three documents with a figure each."""
    folder = tmp_path_factory.mktemp("library")
    pages = [write(folder, name, scene(n)) for n, name in enumerate(KINDS)]
    with opened(folder) as assistant:
        assistant.add(pages)
    return folder


def opened(folder: Path, reader: Reader | None = None, **settings: Any) -> Assistant:
    """The assistant over the library, without OCR. reader: reads pictures in its place."""
    made = Assistant.open(Settings(library=folder / ".limner", **settings), create=True)

    def describer(vision: object = None, *, media: MediaStore | None = None) -> FigureDescriber:
        return FigureDescriber(media or made.media, reader=reader)

    made._readers.describer = describer  # type: ignore[method-assign]
    return made


@pytest.fixture
def assistant(folder: Path) -> Iterator[Assistant]:
    with opened(folder) as made:
        yield made


def half(n: int) -> bytes:
    return encoded(scene(n).convert("RGB").resize((320, 240)), "JPEG", quality=75)


def test_a_smaller_jpeg_finds_the_figure_first(assistant: Assistant, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(half(1))
    for asked in (path, path.read_bytes()):
        hits = assistant.search_image(asked)
        assert hits[0].document.metadata["title"] == "About ports"
        assert hits[0].similarity == hits[0].score > 0.95
        # Then what is said beside it, and what is less like it.
        assert len(hits) > 1
        assert hits[1].similarity is None


def test_the_stored_picture_itself_is_most_similar(assistant: Assistant) -> None:
    (key,) = {
        e.metadata["image_key"]
        for e in assistant.library.evidence(assistant.find_source("nets.md"))
        if "image_key" in e.metadata
    }
    hit = assistant.search_image(assistant.media.path(key), k=1)[0]
    assert (hit.similarity, hit.document.metadata["image_key"]) == (1.0, key)


def test_an_unlike_picture_is_searched_for_by_what_is_read_in_it(folder: Path) -> None:
    reader = Reader()
    with opened(folder, reader) as assistant:
        assert assistant.search_image(half(0), k=1)[0].document.metadata["title"] == "About boats"
        assert reader.n_read == 0
        hit = assistant.search_image(encoded(scene(70)), k=1)[0]
        assert (hit.similarity, hit.document.metadata["title"]) == (None, "About nets")
        assert reader.n_read == 1


def test_words_beside_a_picture_count(assistant: Assistant) -> None:
    hits = assistant.search_image(encoded(scene(70)), query="what we know of ports", k=1)
    assert hits[0].document.metadata["title"] == "About ports"


def animation() -> bytes:
    frames = [scene(n) for n in (2, 8, 9)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def transparent() -> bytes:
    image = scene(2).convert("RGBA")
    image.putalpha(255)
    ImageDraw.Draw(image).rectangle((0, 0, 5, 5), fill=(0, 0, 0, 0))
    return encoded(image)


@pytest.mark.parametrize("make", [animation, transparent])
def test_the_first_frame_and_what_is_seen_through_are_searched_for(
    assistant: Assistant, make: Callable[[], bytes]
) -> None:
    hit = assistant.search_image(make(), k=1)[0]
    assert hit.document.metadata["title"] == "About nets"
    assert hit.similarity is not None


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (19, 19), (40, 40)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "1", "I;16", "P", "LA"])
def test_a_picture_of_nothing_finds_nothing(
    assistant: Assistant, size: tuple[int, int], mode: str
) -> None:
    assert assistant.search_image(encoded(Image.new(mode, size))) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", BrokenPicture),
        (b"no picture", BrokenPicture),
        (encoded(chart(1))[:900], BrokenPicture),
        (encoded(Image.new("1", (30_000, 30_000))), LimitExceeded),
    ],
    ids=["empty", "text", "cut off", "huge"],
)
def test_what_cannot_be_searched_for_is_told(
    assistant: Assistant, tmp_path: Path, content: bytes, error: type[LoaderError]
) -> None:
    with pytest.raises(error):
        assistant.search_image(content)
    path = tmp_path / "asked.png"
    path.write_bytes(content)
    with pytest.raises(LoaderError):
        assistant.search_image(path)
    answer = TestClient(create_app(assistant), base_url="http://localhost").post(
        "/search/image", content=content, headers={"Content-Type": "image/png"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_picture_is_searched_for_over_http(assistant: Assistant) -> None:
    client = TestClient(create_app(assistant), base_url="http://localhost")
    picture = {"content": half(1), "headers": {"Content-Type": "image/jpeg"}}
    found = client.post("/search/image", params={"k": 2}, **picture).json()
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    assert found["hits"][0]["title"] == "About ports"
    assert found["hits"][0]["similarity"] > 0.95
    assert "similarity" not in found["hits"][1]
    within = {"source": "nets*", "modality": "figure", "query": "nets"}
    (hit,) = client.post("/search/image", params=within, **picture).json()["hits"]
    assert hit["title"] == "About nets"
    refused = client.post("/search/image", params={"k": 0}, **picture)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "k")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
def test_a_picture_that_is_sent_as_something_else_is_refused_with_the_reason(
    assistant: Assistant, kind: str | None
) -> None:
    client = TestClient(create_app(assistant), base_url="http://localhost")
    headers = {"Content-Type": kind} if kind else {}
    refused = client.post("/search/image", content=half(1), headers=headers)
    assert refused.status_code == 415
    assert "Content-Type: image/png" in refused.json()["error"]["message"]
    broken = client.post(
        "/search/image", content=b"no picture", headers={"Content-Type": "image/png"}
    )
    assert "object at" not in broken.json()["error"]["message"]


def test_a_photograph_may_be_larger_than_other_requests(assistant: Assistant) -> None:
    client = TestClient(create_app(assistant), base_url="http://localhost")
    headers = {"Content-Type": "image/jpeg"}
    filled = half(1) + bytes(MAX_BODY_BYTES)  # what follows a JPEG's end is not looked at
    assert client.post("/search/image", content=filled, headers=headers).status_code == 200
    giant = bytes(MAX_PICTURE_BYTES + 1)
    assert client.post("/search/image", content=giant, headers=headers).status_code == 413
    assert client.post("/search", content=bytes(MAX_BODY_BYTES + 1)).status_code == 413


def test_one_picture_at_a_time_is_searched_for_over_http(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_running, most = 0, 0

    def search_image(picture: bytes, **_: object) -> list[Hit]:
        nonlocal n_running, most
        n_running += 1
        most = max(most, n_running)
        time.sleep(0.1)
        n_running -= 1
        return []

    monkeypatch.setattr(assistant, "search_image", search_image)
    with (
        TestClient(create_app(assistant), base_url="http://localhost") as client,
        ThreadPoolExecutor(4) as threads,
    ):
        headers = {"Content-Type": "image/png"}
        sent = [
            threads.submit(client.post, "/search/image", content=b"picture", headers=headers)
            for _ in range(4)
        ]
        assert [one.result().status_code for one in sent] == [200] * 4
    assert most == 1


@pytest.mark.parametrize("size", [(1, 400), (48, 20_000)])
def test_a_stripe_is_searched_for_over_http(assistant: Assistant, size: tuple[int, int]) -> None:
    client = TestClient(create_app(assistant), base_url="http://localhost")
    stripe = encoded(Image.linear_gradient("L").resize(size))
    headers = {"Content-Type": "image/png"}
    assert client.post("/search/image", content=stripe, headers=headers).status_code == 200


def test_a_library_that_is_locked_while_pictures_are_compared_costs_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(_: object) -> None:
        raise LibraryLocked("another process writes")

    with opened(tmp_path) as assistant:
        with monkeypatch.context() as patched:
            patched.setattr(assistant.library.pictures, "learn", learn)
            report = assistant.add([write(tmp_path, "boats", scene(0))])
        assert report.added == 1
        ((_, reason),) = report.skipped
        assert "another process writes" in reason
        assert assistant.library.pictures.copies(scene(0)) == {}
        assert assistant.add([tmp_path / "boats.md"]).unchanged == 1
        assert len(assistant.library.pictures.copies(scene(0))) == 1


STOPPED = f"""
{IN_WORDS}
from assistant.cli import main
from retrievers.pictures import Pictures
def learn(*_):
    raise KeyboardInterrupt
Pictures.learn = learn
main()
"""


def test_an_interrupt_while_pictures_are_compared_says_what_is_left(tmp_path: Path) -> None:
    page = write(tmp_path, "boats", scene(0))
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED, "add", str(page), "--library", str(tmp_path / "library")],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert stopped.returncode == 130
    assert "all sources were read, but not all pictures were compared" in stopped.stderr


def test_new_pictures_are_compared_with_progress(tmp_path: Path) -> None:
    told: list[Progress] = []
    with opened(tmp_path) as assistant:
        assistant.add([write(tmp_path, "boats", scene(0))], on_progress=told.append)
    looks = [(p.stage.n_done, p.stage.n) for p in told if p.stage and p.stage.what == "look"]
    assert looks == [(0, 1)]
    assert told[-1].share <= 1.0


def test_with_clip_an_unlike_picture_is_ranked_by_what_is_seen(
    folder: Path, tmp_path: Path
) -> None:
    clip = save_tiny_clip(tmp_path / "clip")
    asked = scene(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    with opened(tmp_path, clip_model=str(clip)) as assistant:
        assistant.add([folder / f"{name}.md" for name in KINDS])
        assert (tmp_path / ".limner" / "pictures.faiss").is_file()
        nearest = assistant.library.pictures.near_picture(asked, 3)
        hits = assistant.search_image(encoded(asked), k=3)
        assert [hit.document.metadata["image_key"] for hit in hits] == nearest
        assistant.remove(assistant.find_source("nets.md"))
        assert len(assistant.library.pictures.near_picture(asked, 3)) == 2


def test_doctor_says_whether_clip_is_here(tmp_path: Path) -> None:
    def look(model: str) -> Check:
        settings = Settings(library=tmp_path, llm="embedded", clip_model=model)
        return next(check for check in checks(settings) if check.name == "clip")

    absent = look("limner/none")
    assert not absent.ok
    assert "limner models pull limner/none" in absent.fix
    assert look(str(save_tiny_clip(tmp_path / "clip"))).ok


def test_the_command_names_the_documents_that_share_a_picture(tmp_path: Path) -> None:
    library = tmp_path / "library"
    pages = [
        write(tmp_path, "boats", scene(0)),
        write(tmp_path, "copied", scene(0).resize((320, 240))),
    ]
    limner_json("add", *pages, "--library", library)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(half(0))
    found = limner_json("search", "--image", photo, "-k", "2", "--library", library)["hits"]
    assert {hit["title"] for hit in found} == {"About boats", "About copied"}
    assert all(hit["similarity"] > 0.95 for hit in found)
    evidence = limner_json("show", "boats.md", "--library", library)["evidence"]
    (shown,) = (piece for piece in evidence if piece["modality"] == "figure")
    (other,) = shown["looks_like"]
    assert (other["title"], other["similarity"] > 0.95) == ("About copied", True)
    told = limner("show", "boats.md", "--library", library).stdout
    assert re.search(r"looks like \((0\.9\d|1\.00)\): About copied", told)
    broken = limner("search", "--image", pages[0], "--library", library)
    assert (broken.returncode, "cannot be decoded" in broken.stderr) == (1, True)
    assert "Traceback" not in broken.stderr
