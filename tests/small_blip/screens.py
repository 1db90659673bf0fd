"""What screens show: windows, dialogs, web pages, code.

Leaves out what stands on paper: `pages`.
"""

from __future__ import annotations

from tests.small_blip.ink import (
    BARS,
    MONO_FONTS,
    WHITE,
    Box,
    Canvas,
    Colour,
    phrase,
    shade,
    word,
)
from tests.small_blip.photographs import patch

DARK: tuple[Colour, ...] = (
    (30, 30, 30),
    (12, 12, 12),
    (40, 44, 52),
    (0, 43, 54),
    (44, 0, 30),
    (17, 24, 39),
)
CODE_COLOURS: tuple[Colour, ...] = (
    (86, 156, 214),
    (206, 145, 120),
    (106, 153, 85),
    (220, 220, 170),
    (197, 134, 192),
    (212, 212, 212),
)
CODE_ON_WHITE: tuple[Colour, ...] = (
    (0, 0, 200),
    (160, 30, 30),
    (0, 110, 0),
    (40, 40, 40),
    (120, 0, 140),
)


def window(canvas: Canvas, box: Box) -> str:
    """A window of a program: bars, panes, fields, lists, buttons."""
    rng, unit = canvas.rng, canvas.letter
    pane = WHITE if rng.random() < 0.6 else (240, 240, 240)
    canvas.rect(box, pane, (150, 150, 150), 1)
    y = _title_bar(canvas, box)
    if rng.random() < 0.6:
        ribbon = Box(box.x0, y, box.x1, y + unit * rng.uniform(1.5, 5))
        canvas.rect(ribbon, (243, 243, 243))
        for k in range(rng.randint(4, 14)):
            at = ribbon.at((k + 0.5) / 14, 0.5)
            if rng.random() < 0.6:
                side = min(unit * 0.8, ribbon.height * 0.3)
                canvas.rect(
                    Box(at[0] - side, at[1] - side, at[0] + side, at[1] + side),
                    shade(rng, rng.choice(("blue", "grey", "green", "orange"))),
                )
            else:
                canvas.text(at, word(rng), size=0.8, anchor="mm")
        y = ribbon.y1
    body = Box(box.x0, y, box.x1, box.y1)
    if rng.random() < 0.55:
        side = Box(body.x0, body.y0, body.x0 + body.width * rng.uniform(0.15, 0.35), body.y1)
        canvas.rect(
            side, rng.choice(((245, 245, 245), (230, 236, 245), (45, 45, 48))), (200, 200, 200), 1
        )
        _list(canvas, side.inner(unit, unit * 0.6, unit * 0.5, unit * 0.5))
        body = Box(side.x1, body.y0, body.x1, body.y1)
    _form(canvas, body.inner(unit, unit, unit, unit))
    return "a window screenshot"


def _title_bar(canvas: Canvas, box: Box) -> float:
    """The bar at the top of a window; where it ends."""
    rng, unit = canvas.rng, canvas.letter
    bar = Box(box.x0, box.y0, box.x1, box.y0 + unit * rng.uniform(1.6, 2.4))
    fill = rng.choice(BARS)
    canvas.rect(bar, fill)
    ink = WHITE if sum(fill) < 380 else (30, 30, 30)
    canvas.text(
        (bar.x0 + unit * (5 if (mac := rng.random() < 0.35) else 1), bar.middle[1]),
        phrase(rng, 3),
        anchor="lm",
        colour=ink,
        size=0.9,
    )
    for k in range(3):
        if mac:
            lamp = ((255, 95, 86), (255, 189, 46), (39, 201, 63))[k]
            canvas.disc((bar.x0 + unit * (1 + 1.3 * k), bar.middle[1]), unit * 0.45, lamp)
        else:
            canvas.text(
                (bar.x1 - unit * (1 + 1.8 * k), bar.middle[1]), "×□–"[k], anchor="mm", colour=ink
            )
    return bar.y1


def _list(canvas: Canvas, box: Box) -> None:
    rng, unit = canvas.rng, canvas.letter
    y, chosen = box.y0, rng.randint(0, 9)
    for k in range(40):
        if y + unit > box.y1:
            return
        if k == chosen:
            canvas.rect(Box(box.x0 - 2, y, box.x1, y + unit * 1.3), (180, 210, 245))
        if rng.random() < 0.5:
            canvas.rect(
                Box(box.x0, y + 2, box.x0 + unit * 0.8, y + unit),
                shade(rng, rng.choice(("yellow", "blue", "grey"))),
            )
        canvas.text((box.x0 + unit * 1.2, y), word(rng), size=0.9, colour=(90, 90, 90))
        y += unit * 1.5


def _form(canvas: Canvas, box: Box) -> None:
    """Fields with their names, then buttons; or a list with columns; or text."""
    rng, unit = canvas.rng, canvas.letter
    kind = rng.random()
    if kind < 0.3:
        canvas.lines_of_text(box.inner(0, 0, 0, box.height * rng.uniform(0, 0.5)))
        return
    if kind < 0.5:
        y = box.y0
        while y + unit * 1.5 < box.y1:
            for share in (0.0, 0.4, 0.65, 0.85):
                canvas.text((box.x0 + share * box.width, y), word(rng)[:9], size=0.85)
            y += unit * 1.5
        return
    y = box.y0
    while y + unit * 4 < box.y1 and rng.random() < 0.93:
        canvas.text((box.x0, y + unit * 0.3), word(rng), size=0.95)
        start = box.x0 + box.width * 0.32
        field = Box(start, y, start + box.width * rng.uniform(0.3, 0.66), y + unit * 1.7)
        canvas.rect(field, WHITE, (150, 150, 150), 1)
        if rng.random() < 0.6:
            canvas.text(
                (field.x0 + 4, field.middle[1]),
                word(rng),
                anchor="lm",
                size=0.85,
                colour=(110, 110, 110),
            )
        y += unit * rng.uniform(2.2, 3.2)
    for k in range(rng.randint(1, 3)):
        x1 = box.x1 - k * unit * 6
        button = Box(x1 - unit * 5, box.y1 - unit * 2, x1, box.y1)
        canvas.rect(
            button,
            (0, 120, 215) if k == 0 and rng.random() < 0.5 else (225, 225, 225),
            (160, 160, 160),
            1,
        )
        canvas.text(button.middle, word(rng)[:8], anchor="mm", size=0.9)


def web(canvas: Canvas, box: Box) -> str:
    """A web page: a broad header, links, headings, pictures, columns of text, cards."""
    rng, unit = canvas.rng, canvas.letter
    canvas.rect(box, WHITE)
    y = box.y0
    if rng.random() < 0.6:
        chrome = Box(box.x0, y, box.x1, y + unit * 3.5)
        canvas.rect(chrome, rng.choice(((222, 225, 230), (240, 240, 240), (53, 54, 58))))
        field = chrome.inner(unit * 6, unit * 1.5, unit * 5, unit * 0.4)
        canvas.rect(field, WHITE, radius=unit * 0.7)
        canvas.text(
            (field.x0 + unit, field.middle[1]), f"www.{word(rng)}.org", anchor="lm", size=0.8
        )
        y = chrome.y1
    header = Box(box.x0, y, box.x1, y + unit * rng.uniform(2, 6))
    fill = rng.choice((*BARS, shade(rng, "blue"), shade(rng, "green"), shade(rng, "red")))
    canvas.rect(header, fill)
    ink = WHITE if sum(fill) < 400 else (30, 30, 30)
    canvas.text(
        (header.x0 + unit, header.middle[1]), word(rng).upper(), anchor="lm", size=1.8, colour=ink
    )
    for k in range(rng.randint(0, 5)):
        canvas.text(
            (header.x1 - unit * (3 + 5.5 * k), header.middle[1]),
            word(rng)[:8],
            anchor="mm",
            colour=ink,
        )
    body = Box(box.x0, header.y1, box.x1, box.y1).inner(unit, unit, unit, unit)
    if rng.random() < 0.5:
        _cards(canvas, body)
        return "a web page screenshot"
    if rng.random() < 0.6:
        side = Box(body.x0, body.y0, body.x0 + body.width * 0.22, body.y1)
        for k in range(int(side.height / unit / 1.7)):
            canvas.text(
                (side.x0, side.y0 + k * unit * 1.7),
                phrase(rng, 2)[:14],
                size=0.85,
                colour=(6, 69, 173),
            )
        body = body.inner(side.width + unit, 0, 0, 0)
    canvas.text((body.x0, body.y0), phrase(rng, 3), size=1.8)
    body = body.inner(0, unit * 3, 0, 0)
    if rng.random() < 0.6:
        picture = Box(body.x1 - body.width * 0.35, body.y0, body.x1, body.y0 + body.height * 0.4)
        if rng.random() < 0.6:
            patch(canvas, picture)
        else:
            canvas.rect(picture, shade(rng, rng.choice(("green", "blue", "grey", "orange"))))
        canvas.lines_of_text(Box(body.x0, body.y0, picture.x0 - unit, picture.y1), 0.9)
        body = body.inner(0, picture.height + unit, 0, 0)
    canvas.lines_of_text(body, 0.9)
    return "a web page screenshot"


def _cards(canvas: Canvas, box: Box) -> None:
    rng, unit = canvas.rng, canvas.letter
    columns, rows = rng.randint(2, 4), rng.randint(1, 3)
    fill, drawn = rng.choice((WHITE, (247, 247, 247))), rng.random() < 0.7
    for r in range(rows):
        for c in range(columns):
            card = Box(
                *box.at((c + 0.05) / columns, (r + 0.06) / rows),
                *box.at((c + 0.95) / columns, (r + 0.94) / rows),
            )
            canvas.rect(card, fill, (215, 215, 215), 1, radius=rng.choice((0, 5)))
            top = card.y0 + unit
            if drawn and rng.random() < 0.4:
                patch(canvas, Box(card.x0, card.y0, card.x1, card.y0 + card.height * 0.45))
                top = card.y0 + card.height * 0.5
            elif drawn:
                canvas.rect(
                    Box(card.x0, card.y0, card.x1, card.y0 + card.height * 0.45),
                    shade(rng, rng.choice(("blue", "grey", "orange", "green", "purple"))),
                )
                top = card.y0 + card.height * 0.5
            canvas.lines_of_text(
                Box(card.x0 + unit * 0.6, top, card.x1 - unit * 0.5, card.y1 - unit * 0.5), 0.85
            )


def code(canvas: Canvas, box: Box) -> str:
    """Code or a terminal, dark or light."""
    rng, unit = canvas.rng, canvas.letter
    dark = rng.random() < 0.65
    ground = rng.choice(DARK) if dark else rng.choice((WHITE, (246, 248, 250)))
    canvas.rect(box, ground, None if dark else (200, 200, 200), 1)
    y = _title_bar(canvas, box) if rng.random() < 0.45 else box.y0
    colours = CODE_COLOURS if dark else CODE_ON_WHITE
    plain = rng.choice(((230, 230, 230), (80, 220, 100))) if dark else (20, 20, 20)
    is_code, numbered, indent = rng.random() < 0.7, rng.random() < 0.4, 0
    y += unit * 0.5
    while y + unit < box.y1:
        x = box.x0 + unit * 0.6
        if numbered:
            canvas.text(
                (x, y),
                f"{int((y - box.y0) / unit):2d}",
                font=MONO_FONTS[0],
                size=0.9,
                colour=(130, 130, 130),
            )
            x += unit * 2
        x += indent * unit * 1.1
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5))):
            said = word(rng) + rng.choice(("", "()", " =", ":", ".", ",", " {"))
            if x + len(said) * unit * 0.62 > box.x1:
                break
            canvas.text(
                (x, y),
                said,
                font=MONO_FONTS[0],
                size=0.95,
                colour=rng.choice(colours) if is_code else plain,
            )
            x += (len(said) + 1) * unit * 0.58
        indent = max(0, min(5, indent + rng.choice((-1, 0, 0, 1)))) if is_code else 0
        y += unit * 1.35
    return f"a {'dark' if dark else 'light'} code screenshot"


def dialog(canvas: Canvas, box: Box) -> str:
    """A small window with a question, fields and buttons, alone or over a desktop."""
    rng, unit = canvas.rng, canvas.letter
    if rng.random() < 0.4:
        canvas.rect(box, shade(rng, rng.choice(("blue", "green", "grey"))))
        box = box.inner(box.width * 0.2, box.height * 0.2, box.width * 0.2, box.height * 0.2)
    canvas.rect(box, rng.choice((WHITE, (240, 240, 240), (212, 208, 200))), (120, 120, 120), 1)
    y = _title_bar(canvas, box)
    _form(canvas, Box(box.x0, y, box.x1, box.y1).inner(unit, unit, unit, unit * 0.7))
    return "a window screenshot"
