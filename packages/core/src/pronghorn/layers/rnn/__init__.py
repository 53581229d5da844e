"""Recurrent layers, their cells, and wrappers."""

from pronghorn.layers.rnn.gru import GRU, GRUCell
from pronghorn.layers.rnn.lstm import LSTM, LSTMCell
from pronghorn.layers.rnn.rnn import RNN, StackedRNNCells
from pronghorn.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from pronghorn.layers.rnn.wrapper import Bidirectional, TimeDistributed

__all__ = [
    "GRU", "LSTM", "RNN", "Bidirectional", "GRUCell", "LSTMCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells", "TimeDistributed",
]  # fmt: skip
