"""`python -m ui` serves the chat page; settings come from `LIMNER_*` and `limner.toml`."""

from __future__ import annotations

import argparse

from assistant.settings import read_settings
from ui.launch import serve

parser = argparse.ArgumentParser(prog="limner ui")
parser.add_argument("--port", type=int, default=8501)
parser.add_argument("--no-browser", action="store_true")
arguments = parser.parse_args()
serve(read_settings(), port=arguments.port, open_browser=not arguments.no_browser)
