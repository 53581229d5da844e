"""Preprocessing layers: statistics by NumPy, hashes by TensorFlow's ops, vocabularies by counting."""

import numpy as np
import pytest

import pronghorn as ph

L = ph.layers
RNG = np.random.default_rng(4)
DATA = RNG.normal(3.0, 2.0, size=(50, 4, 3)).astype("float32")


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


# -- numbers ----------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis, over", [(-1, (0, 1)), (None, (0, 1, 2)), ((1, 2), (0,))])
def test_normalization_learns_mean_and_variance(axis, over):
    layer = L.Normalization(axis=axis)
    layer.adapt(DATA)
    expected = (DATA - DATA.mean(over, keepdims=True)) / DATA.std(over, keepdims=True)
    np.testing.assert_allclose(layer(DATA), expected, atol=1e-5)
    batched = L.Normalization(axis=axis)
    batched.adapt(DATA[i : i + 8] for i in range(0, 50, 8))
    for a, b in zip(layer.get_weights(), batched.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    back = L.Normalization(axis=axis, mean=layer.mean.reshape(layer.adapt_mean.shape), variance=layer.variance.reshape(layer.adapt_mean.shape), invert=True)
    np.testing.assert_allclose(back(expected), DATA, atol=1e-4)
    again = L.Normalization.from_config(layer.get_config())
    again.build(DATA.shape)
    again.set_weights(layer.get_weights())
    again.finalize_state()
    np.testing.assert_array_equal(again(DATA), layer(DATA))


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_numeric_layers_are_part_of_models_on_every_engine(engine):
    with ph.use_backend(engine):
        scale = L.Normalization()
        scale.adapt(DATA)
        x = ph.Input((4, 3))
        model = ph.Model(x, L.Discretization(bin_boundaries=[-1.0, 0.0, 1.0], output_mode="one_hot")(scale(x)))
        expected = np.eye(4)[np.digitize((DATA - DATA.mean((0, 1))) / DATA.std((0, 1)), [-1.0, 0.0, 1.0])]
        np.testing.assert_array_equal(ph.ops.convert_to_numpy(model(DATA)), expected)
        crop = L.CenterCrop(2, 1)(DATA[..., None])
        np.testing.assert_array_equal(ph.ops.convert_to_numpy(crop), DATA[:, 1:3, 1:2, None])


def test_discretization_chooses_equally_full_ranges():
    values = RNG.permutation(np.arange(1000.0)).reshape(50, 20)
    layer = L.Discretization(num_bins=4)
    layer.adapt(values)
    assert np.bincount(layer(values).reshape(-1)).tolist() == pytest.approx([250] * 4, abs=1)
    assert L.Discretization.from_config(layer.get_config())(values).tolist() == layer(values).tolist()
    many = L.Discretization(num_bins=10)
    many.adapt(RNG.normal(size=20_000) for _ in range(10))  # more than is kept as it is
    from statistics import NormalDist

    np.testing.assert_allclose(many.bin_boundaries, [NormalDist().inv_cdf(i / 10) for i in range(1, 10)], atol=0.02)


def test_category_encoding():
    x = np.array([[3, 2, 0], [1, 1, 1]])
    eye = np.eye(4)[x]
    np.testing.assert_array_equal(L.CategoryEncoding(4, "one_hot")(x), eye)
    np.testing.assert_array_equal(L.CategoryEncoding(4)(x), eye.max(1))
    np.testing.assert_array_equal(L.CategoryEncoding(4, "count")(x), eye.sum(1))
    weights = RNG.normal(size=(2, 3)).astype("float32")
    np.testing.assert_allclose(L.CategoryEncoding(4, "count")(x, count_weights=weights), (eye * weights[..., None]).sum(1), rtol=1e-6)
    assert L.CategoryEncoding(4)(ph.Input((3,), dtype="int32")).shape == (None, 4)


# -- hashes -----------------------------------------------------------------------------------------------------------------------------------
def test_hashes_are_those_of_tensorflow():
    tf = pytest.importorskip("tensorflow")
    from pronghorn.layers.preprocessing.fingerprint import fingerprint64, siphash

    top = (1 << 63) - 1
    texts = [bytes(RNG.integers(0, 256, size=n, dtype="uint8")) for n in (*range(34), 47, 48, 63, 64, 65, 100, 127, 128, 129, 192, 300)]
    assert [fingerprint64(t) % top for t in texts] == tf.strings.to_hash_bucket_fast(texts, top).numpy().tolist()
    assert [siphash(t, (133, 137)) % top for t in texts] == tf.strings.to_hash_bucket_strong(texts, top, [133, 137]).numpy().tolist()


def test_hashing_puts_the_mask_value_alone_into_the_first_bin():
    words = np.array([["A"], ["B"], [""], ["C"], ["D"]])
    assert L.Hashing(3)(words[[0, 1, 3, 4]]).reshape(-1).tolist() == [1, 0, 1, 1]
    assert L.Hashing(3, mask_value="")(words).reshape(-1).tolist() == [1, 1, 0, 2, 2]
    assert L.Hashing(3, salt=[133, 137])(words[[0, 1, 3, 4]]).reshape(-1).tolist() == [1, 2, 1, 0]
    assert L.Hashing(3, output_mode="count")([["A", "B"], ["B", "B"]]).tolist() == [[1, 1, 0], [2, 0, 0]]


def test_hashed_crossing():
    pairs = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    assert L.HashedCrossing(5)(pairs).tolist() == [1, 4, 1, 1, 3]
    assert L.HashedCrossing(5, output_mode="one_hot")(pairs).argmax(-1).tolist() == [1, 4, 1, 1, 3]


# -- vocabularies -----------------------------------------------------------------------------------------------------------------------------
def test_string_lookup_and_its_inverse():
    layer = L.StringLookup(vocabulary=["a", "b", "c"])
    indices = layer([["a", "c"], ["zebra", "b"]])
    assert indices.tolist() == [[1, 3], [0, 2]] and layer.get_vocabulary() == ["[UNK]", "a", "b", "c"]
    inverse = L.StringLookup(vocabulary=layer.get_vocabulary(), invert=True)
    assert inverse(indices).tolist() == [["a", "c"], ["[UNK]", "b"]]
    assert L.StringLookup(vocabulary=["a"], mask_token="", num_oov_indices=2)(["", "a"]).tolist() == [0, 3]


def test_lookup_learns_the_most_frequent_values_first():
    layer = L.StringLookup(max_tokens=4, mask_token="")
    layer.adapt(["a", "b", "b", "c", "c", "c", "", ""])
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "b"]
    numbers = L.IntegerLookup()
    numbers.adapt(iter([np.array([12, 1138, 42]), np.array([42, 1000, 36])]))
    assert numbers.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    assert numbers(np.array([[42, 7]])).tolist() == [[1, 0]]
    assert L.IntegerLookup(vocabulary=[12], num_oov_indices=2)([12, 7, 8]).tolist() == [2, 1, 0]


def test_encodings_of_a_lookup():
    x = [["a", "b", "b", "q"]]
    for mode, expected in (("multi_hot", [1, 1, 1]), ("count", [1, 1, 2])):
        assert L.StringLookup(vocabulary=["a", "b"], output_mode=mode)(x).tolist() == [expected]
        wide = L.StringLookup(vocabulary=["a", "b"], output_mode=mode, max_tokens=5, pad_to_max_tokens=True)
        assert wide(x).tolist() == [[*expected, 0, 0]] and wide.compute_output_shape((1, 4)) == (1, 5)
    weighted = L.StringLookup(vocabulary=["a", "b"], output_mode="tf_idf", idf_weights=[0.5, 0.2])
    np.testing.assert_allclose(weighted(x), [[0.35, 0.5, 0.4]], rtol=1e-6)  # unknown values weigh as much as known ones on average
    learned = L.StringLookup(output_mode="tf_idf")
    learned.adapt([["a", "b"], ["b", "c"], ["b", "d"]])
    np.testing.assert_allclose(learned([["b"]])[0, 1], np.log(1 + 3 / 4), rtol=1e-6)


def test_text_vectorization():
    layer = L.TextVectorization(max_tokens=20, output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    assert layer(["Foo, qux BAR!", "a b c d e"]).tolist() == [[4, 1, 3, 0], [1, 1, 1, 1]]
    counts = L.TextVectorization(vocabulary=["foo", "foo bar"], ngrams=2, output_mode="count")
    assert counts(["foo bar foo"]).tolist() == [[2, 2, 1]]  # bar and bar foo are unknown
    letters = L.TextVectorization(vocabulary=["a", "b"], split="character", standardize=np.char.lower)
    assert letters(["aB", "c"]).tolist() == [[2, 3], [1, 0]]


def test_vocabularies_come_back_from_files(tmp_path):
    layer = L.TextVectorization(output_mode="tf_idf")
    layer.adapt(["foo bar", "bar baz"])

    @ph.saving.register_keras_serializable("tests")
    class Net(ph.Model):
        def __init__(self):
            super().__init__()
            self.text, self.dense = L.TextVectorization(output_mode="tf_idf"), L.Dense(1)

        def call(self, x):
            return self.dense(x)

    net = Net()
    net.text.adapt(["foo bar", "bar baz"])
    net(np.ones((1, 4), "float32"))
    net.save(tmp_path / "net.keras")
    again = ph.models.load_model(tmp_path / "net.keras")
    assert again.text.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_allclose(again.text(["bar foo"]), layer(["bar foo"]))


# -- wrong use --------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: L.Normalization(mean=1.0), "mean and variance must be given together"),
        (lambda: L.Discretization(), "either num_bins or bin_boundaries"),
        (lambda: L.Discretization(bin_boundaries=[1.0, 0.0]), "must ascend"),
        (lambda: L.CategoryEncoding(0), "positive integer; received 0"),
        (lambda: L.CategoryEncoding(3, "multihot"), 'Did you mean "multi_hot"'),
        (lambda: L.StringLookup(vocabulary=["a", "a"]), "holds values twice: .'a'"),
        (lambda: L.StringLookup(vocabulary=["a", "b"], max_tokens=2), "max_tokens is 2"),
        (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "needs idf_weights"),
        (lambda: L.StringLookup(vocabulary="/nowhere.txt"), "no vocabulary file"),
        (lambda: L.TextVectorization(standardize="upper"), "standardize must be one of"),
        (lambda: L.TextVectorization(output_mode="count", output_sequence_length=3), "goes with output_mode"),
        (lambda: L.Hashing(3, sparse=True), "sparse outputs are not supported"),
    ],
)
def test_wrong_arguments_are_refused_when_the_layer_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: L.StringLookup(name="words")(["a"]), '"words".*has no vocabulary yet.*adapt'),
        (lambda: L.Discretization(num_bins=2, name="bins")(np.ones(3)), '"bins".*no boundaries yet'),
        (lambda: L.CategoryEncoding(3, name="cat")(np.array([5])), r'"cat".*lie in \[0, 3\); received 5'),
        (lambda: L.StringLookup(vocabulary=["a"], num_oov_indices=0, name="words")(["b"]), "\"words\".*'b' is not in the vocabulary"),
        (lambda: L.StringLookup(vocabulary=["a"], name="words")(ph.Input((3,))), '"words".*cannot be part of a graph'),
        (lambda: L.HashedCrossing(3, name="cross")((np.array([1]), np.array([1, 2]))), r'"cross".*one shape; received \[\(1,\), \(2,\)\]'),
    ],
)
def test_wrong_calls_name_the_layer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
