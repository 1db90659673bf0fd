"""Sound and films: what is said with its times, and a frame of each scene."""

import random
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from loaders.errors import BrokenDocument, EmptyDocument, LoaderError
from loaders.limits import Limits
from loaders.loader import Stage
from loaders.speech.passages import AIM_S, MAX_S, MIN_S, passages, text_of
from loaders.speech.transcriber import Transcriber, Word
from tests.loaders.damaged import damaged
from tests.loaders.reading import CORPUS, Reading, expected, read, with_corpus
from tests.loaders.recordings import (
    Hears,
    IsMissing,
    melody,
    noise,
    scene,
    silence,
    slide,
    sound_of,
    write,
)

SPEECH = CORPUS / "docs" / "jfk.flac"
WHISPER = Transcriber()
"""One for all tests, since it loads its weights at first use."""


def spoken(found: Reading) -> list[tuple[str, float, float]]:
    return [
        (d.page_content, d.metadata["start"], d.metadata["end"])
        for d in found.documents
        if d.metadata["modality"] in ("audio", "video")
    ]


def times(found: Reading) -> list[tuple[int, int]]:
    return [(round(f.metadata["start"]), round(f.metadata["end"])) for f in found.figures]


@with_corpus
@pytest.mark.parametrize(
    "name", [n for n, e in expected("docs").items() if "transcript_words" in e]
)
def test_the_words_of_real_recordings_are_found_with_their_times(name: str, tmp_path: Path) -> None:
    about = expected("docs")[name]
    found = read(CORPUS / "docs" / name, tmp_path, transcriber=WHISPER)
    text = " ".join(text for text, _, _ in spoken(found)).lower()
    assert [w for w in about["transcript_words"] if w.lower() not in text] == []
    assert all(0 <= a < b <= about["duration"] + 1 for _, a, b in spoken(found))
    is_film = any(kind == "video" for kind, *_ in about["streams"])
    assert {d.metadata["modality"] for d in found.documents} == (
        {"video", "figure"} if is_film else {"audio"}
    )
    assert all(d.metadata.get("language", "en") == "en" for d in found.documents)


@with_corpus
@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.wav", "pcm_s16le", None),
        ("a.flac", "flac", None),
        ("a.mp3", "libmp3lame", None),
        ("a.m4a", "aac", None),
        ("a.opus", "libopus", "ogg"),
        ("a.aac", "aac", "adts"),
        ("a.aiff", "pcm_s16be", None),
        ("a.mka", "flac", "matroska"),
    ],
)
def test_speech_is_read_in_any_common_format(
    name: str, codec: str, kind: str | None, tmp_path: Path
) -> None:
    write(tmp_path / name, sound_of(SPEECH), sound_codec=codec, kind=kind)
    ((text, start, end),) = spoken(read(tmp_path / name, tmp_path, transcriber=WHISPER))
    assert "what you can do for your country" in text
    assert start < 1
    assert 10 < end < 11.5


@with_corpus
def test_speech_after_minutes_of_silence_has_its_time_in_the_whole(tmp_path: Path) -> None:
    sound = np.concatenate([silence(200), sound_of(SPEECH), silence(20)])
    write(tmp_path / "late.flac", sound, sound_codec="flac")
    said = spoken(read(tmp_path / "late.flac", tmp_path, transcriber=WHISPER))
    assert 199 < said[0][1] < 202
    assert 209 < said[-1][2] < 212


@pytest.mark.parametrize("sound", [silence(40), noise(40), melody(40)], ids=["0", "noise", "music"])
def test_where_nobody_speaks_nothing_is_invented(sound, tmp_path: Path) -> None:
    write(tmp_path / "tune.wav", sound)
    with pytest.raises(EmptyDocument, match=r"tune\.wav holds no text.*nobody was heard to speak"):
        read(tmp_path / "tune.wav", tmp_path, transcriber=WHISPER)


def test_the_title_and_the_description_are_those_of_the_file(tmp_path: Path) -> None:
    tags = {"title": "Harbour talk", "comment": "Told by the old pilot in 1962."}
    write(tmp_path / "talk.flac", silence(2), sound_codec="flac", tags=tags)
    found = read(tmp_path / "talk.flac", tmp_path, transcriber=Hears(("Ships.", 0.5)))
    assert found.title == "Harbour talk"
    assert found.texts == ["Told by the old pilot in 1962."]


def test_speech_stands_below_the_chapter_in_which_it_is_said(tmp_path: Path) -> None:
    chapters = [("Storms", 0), ("Calm", 30)]
    write(
        tmp_path / "talk.mka", silence(60), sound_codec="flac", kind="matroska", chapters=chapters
    )
    hears = Hears(("Wind", 1), ("blew.", 2), ("Still", 40), ("sea.", 41))
    found = read(tmp_path / "talk.mka", tmp_path, transcriber=hears)
    assert [d.metadata["section"] for d in found.documents] == ["Storms", "Calm"]


def test_long_sound_is_heard_in_windows_cut_where_it_is_quiet(tmp_path: Path) -> None:
    sound = np.concatenate([noise(100), silence(1), noise(100), silence(1), noise(20)])
    write(tmp_path / "long.wav", sound)
    hears = Hears(("Word.", 1))
    found = read(tmp_path / "long.wav", tmp_path, transcriber=hears)
    assert [round(w) for w in hears.windows] == [101, 101, 20]
    assert [round(start) for _, start, _ in spoken(found)] == [1, 102, 203]


def test_progress_is_told_in_minutes(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", noise(250))
    stages: list[Stage] = []
    read(
        tmp_path / "long.wav",
        tmp_path,
        transcriber=Hears(("Word.", 1)),
        on_progress=stages.append,
    )
    stages = [stage for stage in stages if stage.what == "minute"]
    assert {s.n for s in stages} == {5}
    assert [s.n_done for s in stages] == sorted(s.n_done for s in stages)


def test_what_comes_after_the_limit_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", noise(250))
    hears = Hears(("Word.", 1))
    found = read(tmp_path / "long.wav", tmp_path, Limits(max_recorded_s=100), transcriber=hears)
    assert sum(hears.windows) < 101
    assert "max_recorded_s" in found.skipped[0].reason


def test_sound_without_a_speech_model_is_told_with_how_to_get_one(tmp_path: Path) -> None:
    write(tmp_path / "talk.wav", noise(3))
    with pytest.raises(EmptyDocument, match=r"talk\.wav .*pip install a-model"):
        read(tmp_path / "talk.wav", tmp_path, transcriber=IsMissing())


def test_a_film_without_a_speech_model_still_gives_its_frames(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", noise(3), [(scene(1), 3)], sound_codec="flac")
    found = read(tmp_path / "film.mkv", tmp_path, transcriber=IsMissing())
    assert len(found.figures) == 1
    assert "pip install a-model" in found.skipped[0].reason


def test_a_named_model_that_is_not_here_is_told_and_nothing_is_fetched(tmp_path: Path) -> None:
    write(tmp_path / "talk.wav", noise(3))
    with pytest.raises(EmptyDocument, match="limner models pull Systran/faster-whisper-small"):
        read(tmp_path / "talk.wav", tmp_path, transcriber=Transcriber("small"))


@pytest.mark.parametrize(
    ("name", "codec"),
    [("f.mp4", "libx264"), ("f.mov", "mpeg4"), ("f.mkv", "libx264"), ("f.avi", "mpeg4"),
     ("f.webm", "libvpx")],
)  # fmt: skip
def test_each_scene_of_a_film_is_a_figure_with_its_times(
    name: str, codec: str, tmp_path: Path
) -> None:
    pictures = [(scene(1), 4), (scene(2), 5), (scene(3), 6)]
    write(tmp_path / name, None, pictures, picture_codec=codec)
    found = read(tmp_path / name, tmp_path)
    assert len(found.figures) == 3
    for (start, end), (true_start, true_end) in zip(
        times(found), [(0, 4), (4, 9), (9, 15)], strict=True
    ):
        assert abs(start - true_start) <= 2
        assert abs(end - true_end) <= 2


def test_slides_that_differ_only_in_their_words_are_scenes(tmp_path: Path) -> None:
    pictures = [
        (slide("The harbour", "Ships at dawn", "Fish and salt"), 8),
        (slide("Prices of oil", "They rose by a fifth", "Then they fell"), 8),
        (slide("Thank you", "Questions and answers follow"), 8),
    ]
    write(tmp_path / "talk.mp4", None, pictures, picture_codec="libx264")
    assert times(read(tmp_path / "talk.mp4", tmp_path)) == [(0, 8), (8, 16), (16, 24)]


def test_a_scene_to_which_the_film_comes_back_is_shown_once(tmp_path: Path) -> None:
    pictures = [(scene(n), 5) for n in (1, 2, 1, 2, 3)]
    write(tmp_path / "film.mp4", None, pictures, picture_codec="libx264")
    assert times(read(tmp_path / "film.mp4", tmp_path)) == [(0, 5), (5, 10), (20, 25)]


def test_a_still_film_is_one_figure_and_a_black_one_none(tmp_path: Path) -> None:
    write(tmp_path / "still.mp4", None, [(scene(1), 30)], picture_codec="libx264")
    assert len(read(tmp_path / "still.mp4", tmp_path).figures) == 1
    write(tmp_path / "black.mp4", None, [(Image.new("RGB", (320, 240)), 5)])
    with pytest.raises(EmptyDocument):
        read(tmp_path / "black.mp4", tmp_path)


def test_a_frame_is_found_by_the_words_said_while_it_is_shown(tmp_path: Path) -> None:
    pictures = [(scene(1), 5), (scene(2), 5)]
    write(tmp_path / "film.mkv", noise(10), pictures, sound_codec="flac", picture_codec="libx264")
    hears = Hears(("Ships", 1), ("sail.", 2), ("Gulls", 6), ("cry.", 7))
    found = read(tmp_path / "film.mkv", tmp_path, transcriber=hears)
    assert ["Ships sail." in f.page_content for f in found.figures] == [True, False]
    assert ["Gulls cry." in f.page_content for f in found.figures] == [False, True]
    assert [d.metadata["start"] for d in found.documents] == sorted(
        d.metadata["start"] for d in found.documents
    )


def test_frames_are_stored_no_larger_than_needed(tmp_path: Path) -> None:
    write(tmp_path / "film.mp4", None, [(scene(1, (2560, 1440)), 1)])
    metadata = read(tmp_path / "film.mp4", tmp_path).figures[0].metadata
    assert (metadata["width"], metadata["height"]) == (1280, 720)


def test_a_film_with_too_many_pixels_costs_only_its_pictures(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", noise(3), [(scene(1), 3)], sound_codec="flac")
    found = read(
        tmp_path / "film.mkv",
        tmp_path,
        Limits(max_pixels=10_000),
        transcriber=Hears(("Word.", 1)),
    )
    assert [text for text, _, _ in spoken(found)] == ["Word."]
    assert found.figures == []
    assert found.skipped[0].what == "The pictures"


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.mp3", b"ID3\x03\0\0\0\0\0\0"),
        ("a.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0"),
        ("a.wav", b"RIFF\0\0\0\0WAVEfmt "),
        ("a.mkv", b"\x1a\x45\xdf\xa3"),
    ],
)
def test_a_recording_that_is_only_a_head_is_refused(name: str, head: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(head)
    with pytest.raises((BrokenDocument, EmptyDocument), match=name):
        read(tmp_path / name, tmp_path, transcriber=Hears())


def test_a_playlist_named_as_a_film_opens_nothing(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.mp4", None, [(scene(1), 1)])
    for text in (f"#EXTM3U\n{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(LoaderError):
            read(tmp_path / "list.mp4", tmp_path)


HEADS = (b"", b"ID3\x03", b"fLaC", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3",
         b"OggS\0", b"RIFF\0\0\0\0AVI ", b"FLV\1", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from(HEADS),
    body=st.binary(max_size=400),
    suffix=st.sampled_from([".mp3", ".wav", ".mp4", ".mkv", ".ogg", ".avi"]),
)
def test_arbitrary_bytes_raise_only_our_errors(
    tmp_path: Path, head: bytes, body: bytes, suffix: str
) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(head + body)
    try:
        read(path, tmp_path, transcriber=Hears())
    except LoaderError as error:
        assert path.name in str(error)  # noqa: PT017 - other errors fail the test


@pytest.mark.parametrize(
    ("name", "sound_codec", "picture_codec"),
    [("f.mp4", "aac", "libx264"), ("f.mkv", "flac", "mpeg4"), ("f.avi", "libmp3lame", "mpeg4"),
     ("f.webm", "libopus", "libvpx"), ("a.flac", "flac", ""), ("a.mp3", "libmp3lame", ""),
     ("a.wav", "pcm_s16le", "")],
)  # fmt: skip
def test_damaged_recordings_neither_crash_nor_hang(
    name: str, sound_codec: str, picture_codec: str, tmp_path: Path
) -> None:
    pictures = [(scene(1), 2), (scene(2), 2)] if picture_codec else []
    whole = write(
        tmp_path / name,
        noise(4),
        pictures,
        sound_codec=sound_codec,
        picture_codec=picture_codec,
        kind="webm" if name.endswith("webm") else None,
    ).read_bytes()
    outcomes: Counter[str] = Counter()
    for kind in ("cut", "flip"):
        for copy in damaged(whole, kind, 12):
            (tmp_path / name).write_bytes(copy)
            try:
                read(tmp_path / name, tmp_path, transcriber=Hears(("Word.", 0.5)))
                outcomes["read"] += 1
            except LoaderError:
                outcomes["refused"] += 1
    assert outcomes["read"] > 0


def words(text: str, *, pace: float, start: float = 0.0) -> list[Word]:
    """Words said one after the other, each taking so many seconds."""
    return [
        Word(f" {w}", start + n * pace, start + (n + 1) * pace) for n, w in enumerate(text.split())
    ]


def test_passages_end_with_sentences_after_about_half_a_minute() -> None:
    found = list(passages(words("One two three four five. " * 60, pace=0.5)))
    assert all(text_of(group).endswith("five.") for group in found)
    lengths = [group[-1].end - group[0].start for group in found]
    assert all(MIN_S <= length <= MAX_S for length in lengths[:-1])
    assert max(lengths) < AIM_S + 5


def test_a_sentence_without_an_end_is_cut_at_its_pauses() -> None:
    said = words("on and on " * 100, pace=0.5)
    late = [Word(w.text, w.start + 1, w.end + 1) if n >= 70 else w for n, w in enumerate(said)]
    first, *_ = passages(late)
    assert len(first) == 70


def test_an_abbreviation_ends_no_sentence() -> None:
    groups = list(passages(words("so it went " * 25 + "says Dr. Smith at last. More.", pace=0.4)))
    assert text_of(groups[0]).endswith("at last.")


@given(
    gaps=st.lists(st.floats(0, 12), min_size=1, max_size=150),
    seed=st.integers(0, 9),
)
def test_passages_hold_every_word_once_in_order_and_are_never_too_long(
    gaps: list[float], seed: int
) -> None:
    chance = random.Random(seed)
    said, at = [], 0.0
    for gap in gaps:
        at += gap
        said.append(Word(chance.choice([" so", " it", " ends."]), at, at + 0.4))
        at += 0.4
    found = list(passages(said))
    assert [word for group in found for word in group] == said
    assert all(group[-1].end - group[0].start <= MAX_S for group in found)


def test_a_cover_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(path, "w") as container:
        sound = container.add_stream("libmp3lame", rate=16_000, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width = cover.height = 200
        cover.pix_fmt = "rgb24"
        cover.disposition = Disposition.attached_pic
        frame = av.VideoFrame.from_image(Image.new("RGB", (200, 200), "red"))
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        tone = av.AudioFrame.from_ndarray(noise(2)[None, :], format="flt", layout="mono")
        tone.sample_rate = 16_000
        resampler = av.AudioResampler(format=sound.format.name, layout="mono", rate=16_000)
        for resampled in resampler.resample(tone):
            container.mux(sound.encode(resampled))
        container.mux(sound.encode(None))
    found = read(path, tmp_path, transcriber=Hears(("Song.", 0.5)))
    assert [d.metadata["modality"] for d in found.documents] == ["audio"]
