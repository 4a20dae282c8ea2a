"""PPO as PureJaxRL publishes it, written for this bench: games, network and learning are one compiled JAX program.

What is PureJaxRL's and not ours: advantages are normalised in each minibatch, the critic's loss is clipped like the
ratio, and an episode that a time limit cuts off counts as one that ended. What is not PureJaxRL's: on Breakout a
convolution, where its authors put all cells in one row.

Source: Lu et al. (2022), Discovered Policy Optimisation, and the library that its authors published with it.
"""

from functools import partial
from typing import NamedTuple

import distrax
import flax.linen as nn
import gymnax
import jax
import jax.numpy as jnp
import numpy
import optax
from flax.linen.initializers import orthogonal
from flax.training.train_state import TrainState

GAMES = {"CartPole": "CartPole-v1", "Breakout": "Breakout-MinAtar"}


class Network(nn.Module):
    """Hidden layers and a last one, as orthogonal as ours: on Breakout a convolution first."""

    outputs: int
    last_gain: float

    @nn.compact
    def __call__(self, x):
        dense = partial(nn.Dense, kernel_init=orthogonal(2**0.5))
        if x.ndim > 2:  # [B, rows, columns, channels]: a convolution of 2 x 2 cells as a product, which is faster here
            games, rows, columns, channels = x.shape
            cells = x.astype(jnp.float32).reshape(games, rows // 2, 2, columns // 2, 2, channels).swapaxes(2, 3)
            x = nn.relu(dense(16)(cells.reshape(games, rows // 2, columns // 2, 4 * channels)))
            x = nn.relu(dense(64)(x.reshape(games, -1)))
        else:
            x = nn.tanh(dense(64)(nn.tanh(dense(64)(x))))
        return nn.Dense(self.outputs, kernel_init=orthogonal(self.last_gain))(x)


class ActorCritic(nn.Module):
    """Two networks that share nothing, as one set of weights."""

    actions: int

    def setup(self):
        self.actor, self.critic = Network(self.actions, 0.01), Network(1, 1.0)

    def __call__(self, x):
        return distrax.Categorical(logits=self.actor(x)), self.critic(x).squeeze(-1)


class Step(NamedTuple):
    """A step of all games, [N, ...]."""

    observations: jax.Array
    actions: jax.Array
    logp: jax.Array
    values: jax.Array
    rewards: jax.Array
    ended: jax.Array
    returns: jax.Array  # of the episode so far, this step included


class Player(NamedTuple):
    """All that changes while training."""

    learner: TrainState
    game: NamedTuple
    observations: jax.Array
    returns: jax.Array
    key: jax.Array


def gae(steps, last_values, settings):
    """Advantages [T, N], from the last step to the first."""

    def backward(carry, step):
        advantages, next_values = carry
        goes_on = 1 - step.ended
        delta = step.rewards + settings["gamma"] * next_values * goes_on - step.values
        advantages = delta + settings["gamma"] * settings["lam"] * goes_on * advantages
        return (advantages, step.values), advantages

    return jax.lax.scan(backward, (jnp.zeros_like(last_values), last_values), steps, reverse=True)[1]


def loss_of(parameters, apply, batch, settings):
    """What a minibatch's gradient step makes smaller."""
    steps, advantages, targets = batch
    policy, values = apply(parameters, steps.observations)
    ratio = jnp.exp(policy.log_prob(steps.actions) - steps.logp)
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    band = jnp.clip(ratio, 1 - settings["epsilon"], 1 + settings["epsilon"])
    objective = jnp.minimum(ratio * advantages, band * advantages).mean()
    near = steps.values + jnp.clip(values - steps.values, -settings["epsilon"], settings["epsilon"])
    error = 0.5 * jnp.maximum((values - targets) ** 2, (near - targets) ** 2).mean()
    return 0.5 * error - objective - settings["entropy"] * policy.entropy().mean()


def make(settings, seed):
    """The state before training, and the function `update(state) -> state, mean return of the episodes that ended`."""
    game, rules = gymnax.make(GAMES[settings.get("game", "CartPole")])
    network, games = ActorCritic(game.num_actions), settings["num_envs"]
    rows, cuts = games * settings["num_steps"], settings["epochs"] * settings["minibatches"]
    rate = settings["learning_rate"]
    if settings["annealed"]:
        rate = optax.linear_schedule(rate, 0.0, settings["total_steps"] // rows * cuts)
    first, second, key = jax.random.split(jax.random.PRNGKey(seed), 3)
    observations, state = jax.vmap(game.reset, (0, None))(jax.random.split(first, games), rules)
    learner = TrainState.create(
        apply_fn=network.apply,
        params=network.init(second, observations),
        tx=optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate, eps=1e-5)),
    )

    def play(player, _):
        key, to_act, to_move = jax.random.split(player.key, 3)
        policy, values = network.apply(player.learner.params, player.observations)
        actions, logp = policy.sample_and_log_prob(seed=to_act)
        moves = jax.random.split(to_move, games), player.game, actions, rules
        seen, state, rewards, ended, _ = jax.vmap(game.step, (0, 0, 0, None))(*moves)
        returns = player.returns + rewards
        step = Step(player.observations, actions, logp, values, rewards, ended, returns)
        return Player(player.learner, state, seen, returns * (1 - ended), key), step

    def learn(learner, minibatch):
        gradients = jax.grad(loss_of)(learner.params, learner.apply_fn, minibatch, settings)
        return learner.apply_gradients(grads=gradients), None

    def epoch(learner, key, batch):
        order = jax.random.permutation(key, rows)
        pieces = jax.tree.map(lambda x: x[order].reshape(settings["minibatches"], -1, *x.shape[1:]), batch)
        return jax.lax.scan(learn, learner, pieces)[0], None

    def update(player, _):
        player, steps = jax.lax.scan(play, player, None, settings["num_steps"])
        advantages = gae(steps, network.apply(player.learner.params, player.observations)[1], settings)
        batch = jax.tree.map(lambda x: x.reshape(rows, *x.shape[2:]), (steps, advantages, advantages + steps.values))
        key, *keys = jax.random.split(player.key, settings["epochs"] + 1)
        learner, _ = jax.lax.scan(lambda learner, key: epoch(learner, key, batch), player.learner, jnp.stack(keys))
        mean_return = (steps.returns * steps.ended).sum() / steps.ended.sum()
        return player._replace(learner=learner, key=key), mean_return

    return Player(learner, state, observations, jnp.zeros(games), key), update


def train(seed, settings, after_update):
    """A trainer of `peers.py`. One call of the compiled program is about 5,000 steps, or one update if that is more."""
    rows = settings["num_envs"] * settings["num_steps"]
    updates = settings["total_steps"] // rows
    player, update = make(settings, seed)
    logits = jax.jit(lambda parameters, x: player.learner.apply_fn(parameters, x)[0].logits)
    run = jax.jit(lambda player, number: jax.lax.scan(update, player, None, number), static_argnums=1)
    done, mean_return = 0, numpy.nan
    while True:

        def act(observations, parameters=player.learner.params):
            return numpy.asarray(logits(parameters, observations)).argmax(-1)

        if after_update(done * rows, act, float(mean_return)) or done == updates:
            break
        piece = min(max(1, 5000 // rows), updates - done)
        player, mean_returns = jax.block_until_ready(run(player, piece))
        done, mean_return = done + piece, mean_returns[-1]
