"""Values to their places in a vocabulary, and back."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.layers.preprocessing.adapting import batches
from pronghorn.layers.preprocessing.encoding import MODES, check_dense, check_mode
from pronghorn.layers.preprocessing.fingerprint import fingerprint64, siphash
from pronghorn.layers.preprocessing.host import HostLayer, encode_host


class _Lookup(HostLayer):
    """What lookups of strings and of integers share.

    Index 0 is the mask token's, if there is one; then come the indices of values outside the vocabulary, then the vocabulary.
    """

    _type: type = str
    _keys = "invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens oov_method salt"

    def _set(self, values: dict[str, Any]) -> None:
        name = type(self).__name__
        limit, oov = values["max_tokens"], values["num_oov_indices"]
        if limit is not None and limit <= 1:
            raise ValueError(f"{name}: max_tokens must be above 1; received {limit}.")
        if oov < 0:
            raise ValueError(f"{name}: num_oov_indices must not be negative; received {oov}.")
        check_mode(name, values["output_mode"], (*MODES, "tf_idf"))
        check_dense(name, values["sparse"])
        if values["invert"] and values["output_mode"] != "int":
            raise ValueError(f'{name}: invert goes with output_mode="int"; received {values["output_mode"]!r}.')
        if values["invert"] and oov > 1:
            raise ValueError(f"{name}: with invert there can be one index for unknown values; received num_oov_indices={oov}.")
        if values["oov_method"] not in ("floormod", "farmhash"):
            raise ValueError(f'{name}: oov_method must be "floormod" or "farmhash"; received {values["oov_method"]!r}.')
        for key in (*self._keys.split(), "vocabulary", "idf_weights"):
            setattr(self, "input_" + key if key in ("vocabulary", "idf_weights") else key, values[key])
        self.vocabulary: list[Any] = []
        self.idf_weights: np.ndarray | None = None
        self._places: dict[Any, int] = {}
        self._ready = False
        self.reset_state()
        if values["vocabulary"] is not None:
            self.set_vocabulary(values["vocabulary"], values["idf_weights"])
        self.built = True

    # -- vocabulary ------------------------------------------------------------------------------------------------------------------------
    def _special(self) -> list[Any]:
        return ([] if self.mask_token is None else [self.mask_token]) + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: values in order, with or without the special tokens in front; or the path of a text file with one per line.
            idf_weights: weight of each value, for "tf_idf".

        Raises:
            ValueError: values occur twice, are too many, or weights are missing or too many.
        """
        if isinstance(vocabulary, str):
            vocabulary = self._read(Path(vocabulary))
        terms = [self._type(v) for v in np.asarray(vocabulary).reshape(-1).tolist()]
        weights = None if idf_weights is None else np.asarray(idf_weights, "float32").reshape(-1)
        special = self._special()
        if special and terms[: len(special)] == special:
            terms = terms[len(special) :]
            if weights is not None and len(weights) == len(terms) + len(special):
                weights = weights[len(special) :]
        twice = [t for t, n in Counter(terms).items() if n > 1]
        name = f'Layer "{self.name}" ({type(self).__name__})'
        if twice:
            raise ValueError(f"{name}: the vocabulary holds values twice: {twice[:5]}.")
        if any(t in special for t in terms):
            raise ValueError(f"{name}: the vocabulary holds a special token, of {special}, at a place other than the front.")
        if self.max_tokens is not None and len(terms) + len(special) > self.max_tokens:
            raise ValueError(f"{name}: the vocabulary with its special tokens has {len(terms) + len(special)} values; max_tokens is {self.max_tokens}.")
        if self.output_mode == "tf_idf":
            if weights is None:
                raise ValueError(f'{name}: output_mode="tf_idf" needs idf_weights with the vocabulary.')
            if len(weights) != len(terms):
                raise ValueError(f"{name}: expected {len(terms)} idf_weights, one per value; received {len(weights)}.")
        elif weights is not None:
            raise ValueError(f'{name}: idf_weights go with output_mode="tf_idf"; it is "{self.output_mode}".')
        self.vocabulary = terms
        self._places = {t: i + len(special) for i, t in enumerate(terms)}
        if weights is not None:  # unknown values weigh as much as known ones on average
            unknown = np.full(len(special), weights.mean() if len(weights) else 0.0, "float32")
            self.idf_weights = np.concatenate([unknown, weights]).astype("float32")
        self._ready = True

    def _read(self, path: Path) -> list[str]:
        if not path.is_file():
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}): there is no vocabulary file {path}.')
        return path.read_text(encoding="utf-8").splitlines()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the vocabulary in the order of the indices."""
        return [*self._special(), *self.vocabulary] if include_special_tokens else list(self.vocabulary)

    def vocabulary_size(self) -> int:
        """Return the number of indices in use."""
        return len(self.vocabulary) + len(self._special())

    # -- learning it -----------------------------------------------------------------------------------------------------------------------
    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the values of the data, the most frequent first.

        Args:
            data: array, list, or an iterable of batches.
            steps: number of batches to read.
        """
        self.reset_state()
        for array in batches(data, steps):
            self.update_state(array)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts: Counter = Counter()
        self._documents: Counter = Counter()
        self._rows = 0

    def update_state(self, data: Any) -> None:
        """Count a batch."""
        array = self._host(data)
        array = array.reshape(-1, 1) if array.ndim < 2 else array.reshape(len(array), -1)
        for row in array.tolist():
            self._count(row)

    def _count(self, row: list[Any]) -> None:
        row = [self._type(v) for v in row]
        self._counts.update(row)
        self._documents.update(set(row))
        self._rows += 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if not self._rows:
            return
        special = self._special()
        room = None if self.max_tokens is None else self.max_tokens - len(special)
        known = [t for t in self._counts if t not in special]
        terms = sorted(sorted(known, reverse=True), key=lambda t: -self._counts[t])[:room]
        weights = [np.log(1 + self._rows / (1 + self._documents[t])) for t in terms] if self.output_mode == "tf_idf" else None
        self.set_vocabulary(terms, weights)
        self.reset_state()

    # -- calling ---------------------------------------------------------------------------------------------------------------------------
    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens is not None else self.vocabulary_size()

    def _unknown(self, value: Any) -> int:
        first = 0 if self.mask_token is None else 1
        if self.num_oov_indices == 0:
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}): {value!r} is not in the vocabulary, and num_oov_indices is 0.')
        if self.num_oov_indices == 1:
            return first
        if isinstance(value, int) and self.oov_method == "floormod":
            return first + value % self.num_oov_indices
        data = value.encode() if isinstance(value, str) else str(value).encode()
        if self.salt is None:
            return first + fingerprint64(data) % self.num_oov_indices
        pair = (self.salt, self.salt) if isinstance(self.salt, int) else tuple(self.salt)
        return first + siphash(data, pair) % self.num_oov_indices

    def _place(self, value: Any) -> int:
        if self.mask_token is not None and value == self.mask_token:
            return 0
        found = self._places.get(value)
        return self._unknown(value) if found is None else found

    def call(self, inputs: np.ndarray) -> np.ndarray:
        """Return the indices or their encoding; with `invert` the values of indices."""
        if not self._ready:
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}) has no vocabulary yet. Pass vocabulary=..., or call adapt(data) first.')
        if self.invert:
            table = np.array(self.get_vocabulary())
            indices = np.asarray(inputs).astype("int64")
            inside = (indices >= 0) & (indices < len(table))
            return np.where(inside, table[np.where(inside, indices, 0)], self.oov_token)
        unique, back = np.unique(inputs, return_inverse=True)
        places = np.array([self._place(self._type(v)) for v in unique.tolist()], "int32")
        found = places[back].reshape(inputs.shape) if unique.size else np.zeros(inputs.shape, "int32")
        if self.output_mode == "tf_idf":
            assert self.idf_weights is not None
            weights = np.zeros(self._depth(), "float32")
            weights[: len(self.idf_weights)] = self.idf_weights
            return encode_host(found, "count", self._depth(), "float32", weights)
        return encode_host(found, self.output_mode, self._depth(), "int32")

    # -- configuration and files -----------------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; a vocabulary that was learned is saved beside it."""
        given = self.input_vocabulary
        vocabulary = given if given is None or isinstance(given, str) else list(self.vocabulary)
        weights = None if self.input_idf_weights is None else np.asarray(self.input_idf_weights).tolist()
        return {**super().get_config(), "idf_weights": weights, "vocabulary": vocabulary, "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer that `get_config` described."""
        return super().from_config({k: v for k, v in config.items() if k not in ("vocabulary_size", "has_input_vocabulary")})

    def save_own_variables(self, store: Any) -> None:
        """Write the weights of "tf_idf", if there are any."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights[len(self._special()) :]

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of "tf_idf"."""
        if self.output_mode == "tf_idf" and "idf_weights" in store.keys():
            self._stored_weights = np.asarray(store["idf_weights"])
            if self._ready:
                self.set_vocabulary(self.vocabulary, self._stored_weights)

    def save_assets(self, dir_path: str) -> None:
        """Write a learned vocabulary to `vocabulary.txt` in a directory."""
        if self.input_vocabulary is None:
            Path(dir_path, "vocabulary.txt").write_text("\n".join(str(v) for v in self.vocabulary), encoding="utf-8")

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from `vocabulary.txt` in a directory."""
        path = Path(dir_path, "vocabulary.txt")
        if self.input_vocabulary is None and path.is_file():
            terms = self._read(path)
            stored = self.__dict__.get("_stored_weights")
            self.set_vocabulary(terms, np.ones(len(terms)) if self.output_mode == "tf_idf" and stored is None else stored)


class StringLookup(_Lookup):
    """Strings to their places in a vocabulary.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included.
        num_oov_indices: number of indices for strings outside the vocabulary, chosen by a hash.
        mask_token: string that gets index 0.
        oov_token: what `invert` returns for unknown indices.
        vocabulary: list of strings, or the path of a text file; otherwise `adapt` learns one.
        idf_weights: weights for "tf_idf", one per string of `vocabulary`.
        invert: whether indices are turned into strings.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        pad_to_max_tokens: whether encodings have `max_tokens` columns even if the vocabulary is smaller.
        sparse: not supported yet.
        encoding: of bytes.
        name: name of the layer.
        salt: for another hash of unknown strings.

    Example:
        >>> StringLookup(vocabulary=["a", "b"])([["b", "zebra"]]).tolist()
        [[2, 0]]
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: Any = None, oov_token: Any = "[UNK]", vocabulary: Any = None,
        idf_weights: Any = None, invert: bool = False, output_mode: str = "int", pad_to_max_tokens: bool = False, sparse: bool = False,
        encoding: str = "utf-8", name: str | None = None, salt: Any = None, **kwargs: Any,
    ):  # fmt: skip
        oov_method = kwargs.pop("oov_method", "floormod")  # in every config that Keras writes
        super().__init__(name=name, **kwargs)
        self.encoding = encoding
        self._set({**locals(), "oov_method": oov_method})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; a vocabulary that was learned is saved beside it."""
        return {**super().get_config(), "encoding": self.encoding}


class IntegerLookup(_Lookup):
    """Integers to their places in a vocabulary.

    Args:
        max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse, pad_to_max_tokens: as in `StringLookup`.
        vocabulary_dtype: "int32" or "int64".
        oov_method: how one of several indices for unknown integers is chosen: "floormod", or "farmhash" for a hash.
        salt: for another hash.
        name: name of the layer.

    Example:
        >>> IntegerLookup(vocabulary=[12, 36])([[36, 7]]).tolist()
        [[2, 0]]
    """

    _type = int

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: Any = None, oov_token: Any = -1, vocabulary: Any = None,
        vocabulary_dtype: str = "int64", idf_weights: Any = None, invert: bool = False, output_mode: str = "int", sparse: bool = False,
        pad_to_max_tokens: bool = False, oov_method: str = "floormod", salt: Any = None, name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(name=name, **kwargs)
        if vocabulary_dtype not in ("int32", "int64"):
            raise ValueError(f'IntegerLookup: vocabulary_dtype must be "int32" or "int64"; received {vocabulary_dtype!r}.')
        self.vocabulary_dtype = vocabulary_dtype
        self._set(locals())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; a vocabulary that was learned is saved beside it."""
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}
