"""Texts to sequences of word numbers, or to counts of words."""

import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.layers.preprocessing.adapting import batches
from pronghorn.layers.preprocessing.encoding import check_dense, check_mode
from pronghorn.layers.preprocessing.host import HostLayer
from pronghorn.layers.preprocessing.lookup import StringLookup

_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # letters outside ASCII stay, as in Keras
_STANDARDIZE = {
    "lower_and_strip_punctuation": lambda s: _PUNCTUATION.sub("", s.translate(_LOWER)),
    "lower": lambda s: s.translate(_LOWER),
    "strip_punctuation": lambda s: _PUNCTUATION.sub("", s),
    None: lambda s: s,
}
_SPLIT = {"whitespace": lambda s: [w for w in _SPACE.split(s) if w], "character": list, None: lambda s: [s]}


class TextVectorization(HostLayer):
    """Turns texts into sequences of word numbers, or into one vector of words each.

    Texts are brought to a standard form and split into words, words are joined to n-grams, and each gets its place in a vocabulary.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of an array of texts.
        split: "whitespace", "character", None, or a function from an array of texts to lists of words.
        ngrams: largest number of words that are joined, or a tuple of numbers.
        output_mode: "int" for word numbers, or "multi_hot", "count", "tf_idf".
        output_sequence_length: number of words, with padding by 0 or cut; for "int".
        pad_to_max_tokens: whether vectors have `max_tokens` columns even if the vocabulary is smaller.
        vocabulary: list of words, or the path of a text file; otherwise `adapt` learns one.
        idf_weights: weights for "tf_idf", one per word of `vocabulary`.
        sparse, ragged: not supported yet.
        encoding: of bytes.
        name: name of the layer.

    Example:
        >>> layer = TextVectorization(vocabulary=["earth", "fire"])
        >>> layer(["Fire, on earth!", "fire"]).tolist()
        [[3, 1, 2], [3, 0, 0]]
    """

    def __init__(
        self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace", ngrams: Any = None,
        output_mode: str = "int", output_sequence_length: int | None = None, pad_to_max_tokens: bool = False, vocabulary: Any = None,
        idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8", name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(name=name, **kwargs)
        self._choose("standardize", standardize, _STANDARDIZE)
        self._choose("split", split, _SPLIT)
        check_mode("TextVectorization", output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        check_dense("TextVectorization", sparse or ragged)
        sizes = isinstance(ngrams, (list, tuple)) and all(isinstance(n, int) for n in ngrams)
        if ngrams is not None and not isinstance(ngrams, int) and not sizes:
            raise ValueError(f"TextVectorization: ngrams must be None, an int or a tuple of ints; received {ngrams!r}.")
        if output_sequence_length is not None and output_mode != "int":
            raise ValueError(f'TextVectorization: output_sequence_length goes with output_mode="int"; received {output_mode!r}.')
        self.max_tokens, self.standardize, self.split, self.output_mode = max_tokens, standardize, split, output_mode
        self.ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else tuple(ngrams) if ngrams is not None else None
        self._given_ngrams = ngrams
        self.output_sequence_length, self.pad_to_max_tokens, self.sparse, self.ragged, self.encoding = (
            output_sequence_length, pad_to_max_tokens, sparse, ragged, encoding,
        )  # fmt: skip
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="" if output_mode == "int" else None,
            output_mode=output_mode,
            encoding=encoding,
        )
        self.built = True

    @staticmethod
    def _choose(name: str, value: Any, known: dict[Any, Callable]) -> None:
        if not callable(value) and (not isinstance(value, (str, type(None))) or value not in known):
            options = ", ".join(str(k) for k in known)
            raise ValueError(f"TextVectorization: {name} must be one of {options}, or a function; received {value!r}.")

    # -- words -----------------------------------------------------------------------------------------------------------------------------
    def _words(self, texts: np.ndarray) -> list[list[str]]:
        """Return the words (n-grams) of each text."""
        flat = np.asarray(texts, dtype=str)
        if flat.ndim == 2 and flat.shape[1] == 1:
            flat = flat[:, 0]
        if flat.ndim > 1:
            raise ValueError(f'Layer "{self.name}" (TextVectorization) expects texts of shape (batch,) or (batch, 1); received shape {tuple(flat.shape)}.')
        if callable(self.standardize):
            flat = np.asarray(self.standardize(flat))
        rows = [str(t) for t in flat.reshape(-1).tolist()]
        if not callable(self.standardize):
            rows = [_STANDARDIZE[self.standardize](t) for t in rows]
        parts = self.split(np.array(rows)) if callable(self.split) else [_SPLIT[self.split](t) for t in rows]
        words = [[str(w) for w in np.asarray(p).reshape(-1).tolist()] if not isinstance(p, list) else p for p in parts]
        if self.ngrams is None:
            return words
        return [[" ".join(row[i : i + n]) for n in self.ngrams for i in range(len(row) - n + 1)] for row in words]

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the words of the data, the most frequent first.

        Args:
            data: array or list of texts, or an iterable of batches.
            batch_size: accepted; all of an array is read at once.
            steps: number of batches to read.
        """
        self.reset_state()
        for array in batches(data, steps):
            self.update_state(array)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def update_state(self, data: Any) -> None:
        """Count the words of a batch."""
        for row in self._words(self._host(data)):
            self._lookup_layer._count(row)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the vocabulary in the order of the numbers."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return how many numbers are in use."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, and the weights of "tf_idf"."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # -- calling ---------------------------------------------------------------------------------------------------------------------------
    def call(self, inputs: np.ndarray) -> np.ndarray:
        """Return word numbers (batch, words), or vectors (batch, vocabulary)."""
        texts = np.asarray(inputs, dtype=str)
        words = self._words(texts)
        longest = self.output_sequence_length if self.output_sequence_length is not None else max((len(w) for w in words), default=0)
        if self.output_mode != "int":
            out = np.stack([self._lookup_layer.call(np.array(w, dtype=str)) for w in words]) if words else np.zeros((0, self._lookup_layer._depth()), "int32")
        elif self.split is None and self.ngrams is None and self.output_sequence_length is None:
            out = self._lookup_layer.call(np.array([w[0] for w in words], dtype=str))
        else:
            table = np.zeros((len(words), longest), f"U{max((len(w) for row in words for w in row), default=1) or 1}")
            for i, row in enumerate(words):
                table[i, : len(row[:longest])] = row[:longest]
            out = self._lookup_layer.call(table)
        return out[0] if texts.ndim == 0 else out

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        batch = input_shape[0] if input_shape else None
        return (batch, self.output_sequence_length) if self.output_mode == "int" else (batch, self._lookup_layer._depth())

    # -- configuration and files -----------------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; a vocabulary that was learned is saved beside it."""
        from pronghorn.saving.serialization import serialize_keras_object

        names = "max_tokens output_mode output_sequence_length pad_to_max_tokens sparse ragged encoding"
        inner = self._lookup_layer.get_config()
        return {
            **super().get_config(),
            **{n: getattr(self, n) for n in names.split()},
            "standardize": serialize_keras_object(self.standardize),
            "split": serialize_keras_object(self.split),
            "ngrams": self._given_ngrams,
            **{n: inner[n] for n in ("vocabulary", "idf_weights", "vocabulary_size")},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer that `get_config` described."""
        from pronghorn.saving.serialization import revive

        config = {k: v for k, v in config.items() if k != "vocabulary_size"}
        for key in ("standardize", "split"):
            if isinstance(config.get(key), dict):
                config[key] = revive(config[key])
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        """Write nothing: the vocabulary writes its own."""

    def load_own_variables(self, store: Any) -> None:
        """Read nothing."""

    def save_assets(self, dir_path: str) -> None:
        """Write a learned vocabulary to `vocabulary.txt` in a directory."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from `vocabulary.txt` in a directory."""
        self._lookup_layer.load_assets(dir_path)
