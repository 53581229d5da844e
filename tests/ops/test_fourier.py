"""Fourier transforms and frames: round trips, unknown lengths, compilers; values are in the conformance kit."""

import numpy as np
import pytest
import scipy.signal

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend.errors import CapabilityError

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(2, 64)).astype("float32")


@pytest.mark.parametrize("window", ["hann", "hamming", None, np.linspace(0.5, 1.0, 12).astype("float32")], ids=["hann", "hamming", "none", "own"])
@pytest.mark.parametrize("center", [True, False])
def test_istft_undoes_stft(engine, window, center):
    back = ops.istft(ops.stft(SIGNAL, 12, 4, 16, window=window, center=center), 12, 4, 16, length=64, window=window, center=center)
    inner = slice(None) if center else slice(16, -16)  # no window reaches the very ends
    np.testing.assert_allclose(ops.convert_to_numpy(back)[:, inner], SIGNAL[:, inner], rtol=1e-4, atol=1e-4)


def test_stft_is_scipys(engine):
    _, _, z = scipy.signal.stft(SIGNAL, nperseg=16, noverlap=12, window="hann", padded=False, boundary="even", return_onesided=True)
    real, imaginary = (ops.convert_to_numpy(v) for v in ops.stft(SIGNAL, 16, 4, 16))
    ours = np.swapaxes(real + 1j * imaginary, 1, 2)[..., 2:-2] / 8.0  # scipy divides by the sum of the window; away from the borders
    np.testing.assert_allclose(ours, z[..., 2:-2], atol=1e-4)


def test_transforms_of_transforms_return(engine):
    pair = (SIGNAL.reshape(2, 8, 8), SIGNAL[::-1].reshape(2, 8, 8))
    for got, expected in zip(ops.ifft2(ops.fft2(pair)), pair, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.irfft(ops.rfft(SIGNAL))), SIGNAL, rtol=1e-4, atol=1e-5)


def test_unknown_lengths():
    x = ph.KerasTensor((None, None))
    assert [v.shape for v in ops.stft(x, 6, 2, 8)] == [(None, None, 5)] * 2
    assert ops.istft((ph.KerasTensor((None, 9, 5)),) * 2, 6, 2, 8).shape == (None, 16)
    assert ops.istft((ph.KerasTensor((None, None, 5)),) * 2, 6, 2, 8).shape == (None, None)
    assert ops.extract_sequences(x, 6, 2).shape == (None, None, 6)
    assert ops.rfft(x, fft_length=8)[0].shape == (None, 5)
    assert ops.irfft((x, x)).shape == (None, None)
    assert ops.extract_sequences(ph.KerasTensor((None, 20)), 6, 2).shape == (None, 8, 6)


def test_length_that_tensorflow_learns_late():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, None))])
    def there_and_back(x):
        return ops.istft(ops.stft(x, 12, 4, 16), 12, 4, 16), ops.extract_sequences(x, 6, 2)

    signal, frames = there_and_back(tf.constant(SIGNAL))
    np.testing.assert_allclose(signal, SIGNAL[:, : signal.shape[1]], rtol=1e-4, atol=1e-4)
    assert frames.shape == (2, 30, 6)


def test_errors_say_what_does_not_fit():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match="fft_length must be at least sequence_length; received 4 and 6"):
            ops.stft(SIGNAL, 6, 2, 4)
        with pytest.raises(ValueError, match='window must be "hann", "hamming"'):
            ops.stft(SIGNAL, 6, 2, 8, window="square")
        with pytest.raises(ValueError, match=r"real and imaginary part must have one shape; received \(2, 64\) and \(64,\)"):
            ops.fft((SIGNAL, SIGNAL[0]))
        with pytest.raises(ValueError, match="view_as_real: expected complex numbers; received float32"):
            ops.view_as_real(SIGNAL)


def test_engine_without_complex_numbers_says_so():
    with ph.use_backend("openvino"), pytest.raises(CapabilityError, match=r'rfft.*"complex"'):
        ops.rfft(ops.convert_to_tensor(SIGNAL))
