"""Rewrites pickled weights as safetensors: older models on the hub have nothing else.

PyTorch reads the pickle with its unpickler for weights, which makes tensors and runs no code.
Leaves out weights in several parts.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

from assistant.errors import WeightsDamaged

SOURCE = "limner_source"
"""In the header of what was rewritten: the checksum of the pickle."""


def rewrite(model: str, pickled: Path, target: Path, source: str) -> None:
    """Write the tensors of a pickle to target. Raises WeightsDamaged if there is more in it."""
    import torch
    from safetensors.torch import save_file

    try:
        # Mapped into memory: a gigabyte need not be there twice.
        tensors = torch.load(
            pickled, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(pickled)
        )
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
    ) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsDamaged(
            f"The weights of {model} are a pickle that is not just weights ({reason}); limner does "
            "not run it. Name a model with safetensors."
        ) from error
    is_weights = isinstance(tensors, dict) and all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in tensors.items()
    )
    if not is_weights:
        raise WeightsDamaged(f"The pickle of {model} is no table of weights.")
    # Tied weights share memory, which safetensors does not take.
    whole = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    save_file(whole, target, metadata={"format": "pt", SOURCE: source})


def source_of(weights: Path) -> str:
    """The checksum of the pickle that weights were rewritten from; "" for none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="np") as opened:
            return str((opened.metadata() or {}).get(SOURCE, ""))
    except (SafetensorError, OSError):
        return ""
