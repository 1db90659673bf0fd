"""A small BLIP of our own: its drawings, its training, its weights in `model/`."""
