"""A pickle read as data: dicts, lists, texts and numbers, put together without calling anything.

`pickletools` takes the file apart. Objects of the few classes that a caller knows become
`PickledObject`s; whatever else a pickle asks for is refused by its name. Leaves out what the
objects mean: that is `retrievers.langchain_faiss`.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from retrievers.errors import ImportInvalid

MAX_PICKLE_BYTES = 1 << 32
MAX_STACK = 100_000
"""Python writes a thousand entries at once."""
MAX_OPEN_MARKS = 100
MAX_INTEGER_BITS = 64
SETS = ("builtins.set", "__builtin__.set")

_MARK = object()


@dataclass(eq=False, slots=True)
class PickledObject:
    """What a pickle says of an object. kind: its class, `module.Name`; no such object is made."""

    kind: str
    state: Any = None


@dataclass(frozen=True, slots=True)
class _Class:
    name: str


def read_pickle(content: bytes, classes: Collection[str]) -> Any:
    """What the pickle describes. classes: `module.Name` of those whose objects may be in it.

    Raises ImportInvalid, naming what it is that cannot be read; nothing of it is run.
    """
    if len(content) > MAX_PICKLE_BYTES:
        raise ImportInvalid(
            f"The pickle has {len(content):,} bytes; the limit is {MAX_PICKLE_BYTES:,}."
        )
    machine = _Machine(classes)
    for name, argument in _operations(content):
        step = _STEPS.get(name)
        if step is None:
            raise ImportInvalid(
                f"The pickle uses the opcode {name}, which no LangChain store needs. It is not "
                "imported, and nothing in it was run."
            )
        try:
            step(machine, argument)
        except (IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ImportInvalid(
                f"The pickle is damaged: {name} does not fit what is before it "
                f"({type(error).__name__}: {error})."
            ) from error
        if len(machine.stack) > MAX_STACK or machine.n_marks > MAX_OPEN_MARKS:
            raise ImportInvalid(f"The pickle is nested too deeply, or damaged, at {name}.")
    if len(machine.stack) != 1:
        raise ImportInvalid("The pickle is damaged: it does not end with one object.")
    return machine.stack[0]


def _operations(content: bytes) -> Iterator[tuple[str, Any]]:
    operations = pickletools.genops(content)
    while True:
        try:
            opcode, argument, _ = next(operations)
        except StopIteration:
            return
        except (ValueError, OverflowError, struct.error, EOFError, MemoryError) as error:
            raise ImportInvalid(f"The pickle is damaged or cut off ({error}).") from error
        yield opcode.name, argument


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, classes: Collection[str]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.n_marks = 0
        self._classes = classes

    def nothing(self, _: Any) -> None:
        """What only helps to read the file."""

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_integer(self, value: int) -> None:
        if value.bit_length() > MAX_INTEGER_BITS:
            raise ValueError(f"a number of {value.bit_length()} bits")
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise IndexError("a value is missing")
        return value

    def mark(self, _: Any) -> None:
        self.n_marks += 1
        self.stack.append(_MARK)

    def pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        self.n_marks -= 1
        return values[::-1]

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self._top(object)

    def put(self, number: int) -> None:
        self.memo[number] = self._top(object)

    def get(self, number: int) -> None:
        self.stack.append(self.memo[number])

    def make_tuple(self, n: int) -> None:
        values = [self.pop() for _ in range(n)]
        self.stack.append(tuple(values[::-1]))

    def tuple_to_mark(self, _: Any) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def append(self, _: Any) -> None:
        value = self.pop()
        self._top(list).append(value)

    def extend(self, _: Any) -> None:
        values = self.pop_to_mark()
        self._top(list).extend(values)

    def add_to_set(self, _: Any) -> None:
        values = self.pop_to_mark()
        self._top(set).update(map(_key, values))

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self._top(dict)[_key(key)] = value

    def set_items(self, _: Any) -> None:
        values = self.pop_to_mark()
        keys = map(_key, values[::2])
        self._top(dict).update(zip(keys, values[1::2], strict=True))

    def named_class(self, argument: str) -> None:
        self._push_class(argument.replace(" ", ".", 1))

    def class_on_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError("the name of a class is no text")
        self._push_class(f"{module}.{name}")

    def _push_class(self, name: str) -> None:
        if name not in self._classes and name not in SETS:
            raise ImportInvalid(
                f"The pickle holds {name[:200]!r}, which is not part of a LangChain store of "
                "texts with JSON metadata. It is not imported, and nothing in it was run."
            )
        self.stack.append(_Class(name))

    def new_object(self, _: Any) -> None:
        arguments, kind = self.pop(), self.pop()
        if arguments != () or not isinstance(kind, _Class) or kind.name in SETS:
            raise TypeError("an object is made of unknown parts")
        self.stack.append(PickledObject(kind.name))

    def reduce(self, _: Any) -> None:
        """A set, as older protocols write one; any other call is refused."""
        arguments, kind = self.pop(), self.pop()
        if not (isinstance(kind, _Class) and kind.name in SETS and len(arguments) == 1):
            called = kind.name if isinstance(kind, _Class) else type(kind).__name__
            raise ImportInvalid(
                f"The pickle asks to call {called[:200]!r}. It is not imported, and nothing in it "
                "was run."
            )
        self.stack.append(set(map(_key, list(arguments[0]))))

    def build(self, _: Any) -> None:
        state = self.pop()
        built = self._top(PickledObject)
        if not isinstance(state, dict) or built.state is not None:
            raise TypeError("the state of an object is no dict")
        built.state = state

    def _top(self, kind: type) -> Any:
        value = self.stack[-1]
        if value is _MARK or not isinstance(value, kind):
            raise TypeError(f"{kind.__name__} expected")
        return value


def _key(value: Any) -> str | int:
    """A key that is compared and hashed at no cost that a file could drive up."""
    if not isinstance(value, str | int):
        raise TypeError(f"a key is a {type(value).__name__}")
    return value


_Step = Callable[[_Machine, Any], None]


def _constant(make: Callable[[], Any]) -> _Step:
    return lambda machine, _: machine.push(make())


_STEPS: dict[str, _Step] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _Machine.nothing),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINFLOAT"), _Machine.push),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1"), _Machine.push_integer),
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "EMPTY_DICT": _constant(dict),
    "EMPTY_LIST": _constant(list),
    "EMPTY_SET": _constant(set),
    "EMPTY_TUPLE": _constant(tuple),
    "TUPLE1": lambda machine, _: machine.make_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_tuple(3),
    "TUPLE": _Machine.tuple_to_mark,
    "MARK": _Machine.mark,
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "ADDITEMS": _Machine.add_to_set,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.named_class,
    "STACK_GLOBAL": _Machine.class_on_stack,
    "NEWOBJ": _Machine.new_object,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
