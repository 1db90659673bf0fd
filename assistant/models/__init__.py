"""The models' files: fetched from the hub, packed for a machine without a network, unpacked there.

Leaves out Ollama's models, which Ollama keeps, and those that pip packages carry.
"""

from assistant.models.bundle import write_bundle
from assistant.models.hub import pull
from assistant.models.in_use import hub_name, line_to_set
from assistant.models.unpacking import load_bundle

__all__ = ["hub_name", "line_to_set", "load_bundle", "pull", "write_bundle"]
