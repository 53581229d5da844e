"""A custom train_step with two optimizers, written once, on every engine that trains, eager and compiled."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

TRAINING = ["jax", "torch", "tensorflow"]


class Gan(ph.Model):
    """Learns to draw from a shifted normal distribution."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        layers = ph.layers
        self.generator = ph.Sequential([layers.Input((2,)), layers.Dense(16, activation="relu"), layers.Dense(1)], name="generator")
        self.critic = ph.Sequential([layers.Input((1,)), layers.Dense(16, activation="relu"), layers.Dense(1)], name="critic")
        self.noise = ph.random.SeedGenerator(3)
        self.critic_loss = ph.metrics.Mean(name="critic_loss")
        self.generator_loss = ph.metrics.Mean(name="generator_loss")

    def compile(self, critic_optimizer, generator_optimizer, **kwargs):
        super().compile(**kwargs)
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer
        self.bce = ph.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self):
        return [self.critic_loss, self.generator_loss]

    def call(self, x, training=None):
        return self.generator(x, training=training)

    def train_step(self, real):
        if isinstance(real, tuple):
            real = real[0]
        n = ops.shape(real)[0]
        z = ph.random.normal((n, 2), seed=self.noise)

        def critic_loss():
            fake = self.critic(self.generator(z, training=True), training=True)
            true = self.critic(real, training=True)
            return self.bce(ops.ones_like(true), true) + self.bce(ops.zeros_like(fake), fake)

        loss_c, grads = ph.value_and_grad(critic_loss, self.critic.trainable_variables)
        self.critic_optimizer.apply(grads, self.critic.trainable_variables)

        def generator_loss():
            fake = self.critic(self.generator(z, training=True), training=True)
            return self.bce(ops.ones_like(fake), fake)

        loss_g, grads = ph.value_and_grad(generator_loss, self.generator.trainable_variables)
        self.generator_optimizer.apply(grads, self.generator.trainable_variables)
        self.critic_loss.update_state(loss_c)
        self.generator_loss.update_state(loss_g)
        return {m.name: m.result() for m in self.metrics}


def train(engine, **options):
    real = np.random.default_rng(0).normal(4.0, 0.5, size=(256, 1)).astype("float32")
    with ph.use_backend(engine):
        ph.utils.set_random_seed(11)
        gan = Gan()
        gan.compile(ph.optimizers.Adam(0.02), ph.optimizers.Adam(0.02), **options)
        history = gan.fit(real, batch_size=64, epochs=20, shuffle=False, verbose=0).history
        z = np.random.default_rng(1).normal(size=(200, 2)).astype("float32")
        return history, np.asarray(gan.predict(z, verbose=0))


@pytest.mark.parametrize("engine", TRAINING)
@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": True}], ids=["eager", "compiled"])
def test_gan_trains_unchanged(engine, options):
    history, samples = train(engine, **options)
    assert set(history) == {"critic_loss", "generator_loss"} and len(history["critic_loss"]) == 20
    assert np.isfinite(history["critic_loss"]).all()
    assert samples.mean() > 2.0  # it started near zero; the data's mean is 4


def test_gan_learns_the_same_on_every_engine():
    first = [train(engine)[0]["critic_loss"][0] for engine in TRAINING]
    np.testing.assert_allclose(first, first[0], rtol=1e-3)
