"""The `data:` section, read and checked for form; sizes are closed forms over the model's symbols."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.build.source import Problems, check_keys, words
from analyzer.document import Mapping, Scalar, Value
from analyzer.host.gathering import WAYS
from analyzer.host.read_steps import read_steps
from analyzer.host.source import FORMATS, PREFETCH, UNSUPPORTED, Array, Data, Loader, Prediction
from analyzer.host.words import Words
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.problems import nearest

SECTIONS = ("arrays", "prepare", "loader", "predictions")
ARRAY = ("shape", "dtype", "format", "density", "nonzeros", "nonzeros_per_row", "at_least", "index_dtype", "claim", "doc")
COUNTS = ("density", "nonzeros", "nonzeros_per_row")
LOADER = ("batch", "arrays", "workers", "prefetch_factor", "pin_memory", "start", "collate", "dtype")
PREDICTION = ("shape", "dtype", "arrays", "batch", "by", "claim", "doc")
INDEX, STARTS, COLLATES = ("int32", "int64"), ("fork", "spawn"), ("batch", "samples")


def read_data(value: Value | None, symbols: Iterable[str], problems: Problems) -> Data | None:
    """The section as values; None when it is left out. Problems: everything that can be told without the symbols' values."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problems.add(value.origin, "data must be a mapping of names to values", f"known: {', '.join(SECTIONS)}")
        return None
    check_keys(value, SECTIONS, "data", problems)
    reader = _Reader(Words(symbols, problems), problems)
    arrays = reader.arrays(value.get("arrays"))
    steps = read_steps(value.get("prepare"), {a.name: a for a in arrays}, reader.words, problems)
    loader = reader.loader(value.get("loader"), arrays)
    return Data(arrays, steps, loader, reader.predictions(value.get("predictions")), value.origin)


class _Reader:
    """The parts of the section."""

    def __init__(self, reading: Words, problems: Problems) -> None:
        self.words, self.problems = reading, problems

    def arrays(self, value: Value | None) -> tuple[Array, ...]:
        found = [self._array(key, body) for key, body in self.words.entries(value, "data's arrays")]
        return tuple(array for array in found if array)

    def _array(self, key: Scalar, body: Value) -> Array | None:
        before, name = len(self.problems.found), self.words.name(key, "an array")
        what = f"array '{name}'"
        if not isinstance(body, Mapping):
            shape = self.words.shape(body, what, key.origin)
            return Array(name, shape, "float32", key.origin) if shape else None
        check_keys(body, ARRAY, what, self.problems)
        shape = self.words.shape(body.get("shape"), what, key.origin)
        dtype, form = self.words.dtype(body.get("dtype")), self.words.choice(body.get("format"), "format", FORMATS, "dense")
        if shape is None or len(self.problems.found) > before:
            return None
        if form == "dense":
            self._refuse_sparse(body)
            return Array(name, shape, dtype, key.origin, doc=_doc(body))
        if dtype in UNSUPPORTED or len(shape) != 2:
            place = body.get("dtype") if dtype in UNSUPPORTED else body.get("shape")
            told = f"scipy.sparse does not support {dtype}" if dtype in UNSUPPORTED else f"a {form} array has two dimensions"
            self.problems.add(place.origin if place else key.origin, f"{what}: {told}")
            return None
        least = body.get("at_least")
        return Array(
            name, shape, dtype, key.origin, form, self._nonzeros(body, shape, what, key),
            self.words.size(least, "at_least") * shape[0] if least else ZERO,
            self.words.choice(body.get("index_dtype"), "index_dtype", INDEX, ""), self.words.claims(body.get("claim")), _doc(body),
        )  # fmt: skip

    def _refuse_sparse(self, body: Mapping) -> None:
        for name, _ in body.entries:
            if name.value in (*COUNTS, "at_least", "index_dtype", "claim"):
                hint = "format: csr, csc or coo stores the nonzeros only"
                self.problems.add(name.origin, f"'{name.value}' means nothing for a dense array", hint)

    def _nonzeros(self, body: Mapping, shape: tuple[Poly, ...], what: str, key: Scalar) -> Poly:
        """How many elements are stored."""
        given = [(name, value) for name, value in body.entries if name.value in COUNTS]
        if len(given) != 1:
            place = given[1][0].origin if given else key.origin
            told = "says twice how many nonzeros it has" if given else "does not say how many nonzeros it has"
            self.problems.add(place, f"{what} {told}", f"expected one of {', '.join(COUNTS)}")
            return ZERO
        ((name, value),) = given
        number = self.words.size(value, str(name.value))
        return number * {"density": shape[0] * shape[1], "nonzeros": ONE, "nonzeros_per_row": shape[0]}[str(name.value)]

    def loader(self, value: Value | None, arrays: tuple[Array, ...]) -> Loader | None:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.problems.add(value.origin, "loader must be a mapping", "loader: {batch: 128, workers: 4}")
            return None
        check_keys(value, LOADER, "loader", self.problems)
        batch, workers, prefetch = value.get("batch"), value.get("workers"), value.get("prefetch_factor")
        if batch is None:
            self.problems.add(value.origin, "loader needs 'batch'", "batch: 128, the samples of one batch")
        count = self.words.size(workers, "workers") if workers else ZERO
        if prefetch and count == 0:
            self.problems.add(prefetch.origin, "prefetch_factor needs workers", "PyTorch refuses it with num_workers=0")
        return Loader(
            self.words.size(batch, "batch") if batch else ONE, self._loaded(value.get("arrays"), arrays), value.origin, count,
            self.words.size(prefetch, "prefetch_factor") if prefetch else PREFETCH, self.words.flag(value.get("pin_memory"), "pin_memory"),
            self.words.choice(value.get("start"), "start", STARTS, "fork"),
            self.words.choice(value.get("collate"), "collate", COLLATES, "batch"), self.words.dtype(value.get("dtype"), ""),
        )  # fmt: skip

    def _loaded(self, value: Value | None, arrays: tuple[Array, ...]) -> tuple[str, ...]:
        """The arrays that a loader slices."""
        names, known = words(value, "arrays", self.problems), [a.name for a in arrays]
        for word in names:
            if word.value not in known:
                self.problems.add(word.origin, f"no array '{word.value}' under data", nearest(str(word.value), known))
        chosen = tuple(str(w.value) for w in names) or tuple(known)
        for array in arrays:
            if array.name in chosen and array.format == "coo":
                self.problems.add(array.origin, f"array '{array.name}': a coo array cannot be sliced by rows", "format: csr is made for it")
        return chosen

    def predictions(self, value: Value | None) -> tuple[Prediction, ...]:
        found = [self._prediction(key, body) for key, body in self.words.entries(value, "predictions")]
        return tuple(prediction for prediction in found if prediction)

    def _prediction(self, key: Scalar, body: Value) -> Prediction | None:
        name = self.words.name(key, "predictions")
        what = f"prediction '{name}'"
        if not isinstance(body, Mapping):
            self.problems.add(body.origin, f"{what} must be a mapping", f"{name}: {{shape: [N, 10], batch: 128, by: lists}}")
            return None
        check_keys(body, PREDICTION, what, self.problems)
        shape, batch, arrays = self.words.shape(body.get("shape"), what, key.origin), body.get("batch"), body.get("arrays")
        if batch is None:
            self.problems.add(key.origin, f"{what} needs 'batch'", "batch: 128, the samples of one batch")
        if shape is None or batch is None:
            return None
        return Prediction(
            name, shape, self.words.dtype(body.get("dtype")), self.words.size(batch, "batch"), key.origin,
            self.words.size(arrays, "arrays") if arrays else ONE, self.words.choice(body.get("by"), "way", WAYS, "lists"),
            self.words.claims(body.get("claim")),
        )  # fmt: skip


def _doc(body: Mapping) -> str:
    doc = body.get("doc")
    return str(doc.value) if isinstance(doc, Scalar) and doc.value is not None else ""
