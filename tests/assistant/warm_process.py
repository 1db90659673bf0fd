"""Forks a process for each command that it is asked for, with limner's imports done.

A command takes seconds to import torch and its like; a fork has them at once, and is as fresh and
as separate as any other process. Started by `tests.assistant.warm_command`, which talks to it over
the socket whose number is its argument: JSON and two open files come in, an exit code goes out.
"""

import array
import importlib
import json
import os
import runpy
import socket
import sys
import traceback

from assistant.cli.terminal import PRIVATE

IMPORTED = (
    "assistant.assistant",
    "assistant.cli.app",
    "assistant.cli.documents",
    "assistant.cli.questions",
    "faiss",
    "langchain_core.language_models",
    "sentence_transformers",
    "tantivy",
    "transformers.models.bert.modeling_bert",
)
MAX_REQUEST = 1 << 20


def main() -> None:
    """Answer until the other end is closed."""
    os.environ.update(PRIVATE)  # what is read at import
    for name in IMPORTED:
        importlib.import_module(name)
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        while True:
            request, files, _, _ = socket.recv_fds(asked, MAX_REQUEST, 2)
            if not request:
                return
            child = os.fork()
            if not child:
                asked.close()
                _run(json.loads(request), files)
            for file in files:
                os.close(file)
            _, status = os.waitpid(child, 0)
            asked.sendall(array.array("i", [os.waitstatus_to_exitcode(status)]).tobytes())


def _run(request: dict[str, object], files: list[int]) -> None:
    """The command, in the forked process; never returns."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[arg-type]
        os.chdir(str(request["cwd"]))
        sys.argv = ["limner", *request["arguments"]]  # type: ignore[misc]
        runpy.run_module("assistant.cli", run_name="__main__", alter_sys=False)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
    finally:
        try:
            _end_threads()
        finally:
            os._exit(code)


def _end_threads() -> None:
    """What an interpreter does at its end."""
    import atexit
    import threading

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    main()
