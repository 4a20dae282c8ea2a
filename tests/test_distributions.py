"""The two kinds of policy: numbers by hand, PyTorch's own distributions, and what the game is given."""

import math

import gymnasium
import numpy as np
import pytest
import torch

from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer.distributions import Gaussian, Softmax, distribution, distribution_of, for_the_game
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game, collect
from ppo_lessons.validation import NonFiniteError

BOX = gymnasium.spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_parameters(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def by_torch(parameters):
    mean, log_std = parameters.chunk(2, -1)
    return torch.distributions.Independent(torch.distributions.Normal(mean, log_std.exp()), 1)


def test_gaussian_by_hand():
    """mu = (1, 0), sigma = (1, 2), a = (3, 0): -(2^2)/2 - 0 - log 2 - 2 * log(2 pi)/2."""
    parameters = torch.tensor([1.0, 0.0, 0.0, math.log(2)])
    assert Gaussian.log_probability(parameters, torch.tensor([3.0, 0.0])).item() == pytest.approx(
        -2 - math.log(2) - math.log(2 * math.pi)
    )
    assert Gaussian.entropy(parameters).item() == pytest.approx(math.log(2) + math.log(2 * math.pi * math.e))
    # against mu = (0, 0), sigma = (1, 1): 1/2 (1 + 1) - 1/2 from the mean, log(1/2) + 4/2 - 1/2 from the width
    assert Gaussian.kl_divergence(parameters, torch.zeros(4)).item() == pytest.approx(0.5 + 1.5 - math.log(2))
    assert Gaussian.greedy(parameters).tolist() == [1.0, 0.0]


def test_the_constants_of_entropy_and_kl_count_once_a_dimension():
    """Two dimensions: H = 2 (1/2) log(2 pi e) = 2.838, not 1.419. Means one apart: KL = 2 (2/2 - 1/2)."""
    standard = torch.zeros(4)
    assert Gaussian.entropy(standard).item() == pytest.approx(2.838, abs=5e-4)
    assert Gaussian.kl_divergence(standard, torch.tensor([1.0, 1.0, 0.0, 0.0])).item() == pytest.approx(1)
    assert Gaussian.log_probability(standard, torch.zeros(2)).item() == pytest.approx(-math.log(2 * math.pi))


def test_gaussian_equals_pytorchs():
    p, q = random_parameters(7, 5, 6), random_parameters(7, 5, 6, seed=1)
    actions = random_parameters(7, 5, 3, seed=2)
    torch.testing.assert_close(Gaussian.log_probability(p, actions), by_torch(p).log_prob(actions))
    torch.testing.assert_close(Gaussian.entropy(p), by_torch(p).entropy())
    expected = torch.distributions.kl_divergence(by_torch(p), by_torch(q))
    torch.testing.assert_close(Gaussian.kl_divergence(p, q), expected)
    assert (Gaussian.kl_divergence(p, p) == 0).all()


def test_log_probability_is_the_sum_over_dimensions():
    p, actions = random_parameters(4, 6), random_parameters(4, 3, seed=1)
    each = [Gaussian.log_probability(p[:, [d, 3 + d]], actions[:, [d]]) for d in range(3)]
    torch.testing.assert_close(Gaussian.log_probability(p, actions), sum(each))


@pytest.mark.parametrize("name", ["log_probability", "entropy", "kl_divergence"])
def test_gaussian_gradients(name):
    p, other = random_parameters(3, 4).requires_grad_(), random_parameters(3, 4 if name == "kl_divergence" else 2)
    function = {
        "log_probability": lambda p: Gaussian.log_probability(p, other),
        "entropy": Gaussian.entropy,
        "kl_divergence": lambda p: Gaussian.kl_divergence(other, p),
    }[name]
    assert torch.autograd.gradcheck(function, p)


def test_gaussian_samples_have_the_mean_and_the_width():
    """40,000 draws: mean and variance within 4 standard errors."""
    parameters = torch.tensor([1.0, -2.0, 0.0, math.log(0.5)])
    actions = Gaussian.sample(parameters.expand(40_000, 4), generator=generator())
    mean, variance = torch.tensor([1.0, -2.0]), torch.tensor([1.0, 0.25])
    assert actions.shape == (40_000, 2)
    assert ((actions.mean(0) - mean).abs() <= 4 * (variance / 40_000).sqrt()).all()
    assert ((actions.var(0) - variance).abs() <= 4 * variance * (2 / 40_000) ** 0.5).all()


def test_the_score_has_mean_zero_only_before_the_cut():
    """E grad log pi(a) = 0 holds for the raw action. With the action cut to the box it does not: that is the reason."""
    parameters = torch.tensor([1.0, 0.0]).requires_grad_()
    actions = Gaussian.sample(parameters.detach().expand(40_000, 2), generator=generator())
    score = {}
    for name, taken in (("raw", actions), ("cut", actions.clamp(-1, 1))):
        logp = Gaussian.log_probability(parameters, taken).mean()
        score[name] = torch.autograd.grad(logp, parameters)[0]
    assert (score["raw"].abs() <= 4 * torch.tensor([1.0, 2**0.5]) / 200).all()
    assert score["cut"][0] < -0.3


@pytest.mark.parametrize("function", [Gaussian.entropy, lambda p: Gaussian.kl_divergence(torch.zeros_like(p), p)])
def test_gaussian_refuses_what_is_not_finite(function):
    with pytest.raises(NonFiniteError, match=r"params.* must be finite"):
        function(torch.tensor([0.0, math.inf]))


def test_softmax_is_greedy_for_the_largest_logit():
    assert Softmax.greedy(torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])).tolist() == [1, 0]


def test_the_kind_of_policy_follows_from_the_space_or_the_actions():
    assert distribution(gymnasium.spaces.Discrete(3)) is Softmax
    assert distribution(BOX) is Gaussian
    assert distribution_of(torch.tensor([0, 1])) is Softmax
    assert distribution_of(torch.tensor([[0.0]])) is Gaussian
    for space in (gymnasium.spaces.MultiDiscrete([2, 2]), gymnasium.spaces.Box(0, 255, (2,), np.uint8)):
        with pytest.raises(ValueError, match="Discrete actions or a Box of real numbers, got"):
            distribution(space)


def test_games_are_given_actions_of_their_space():
    given = for_the_game(torch.tensor([[5.0, 0.5], [-1.0, -3.0]]), BOX)
    assert given.tolist() == [[2.0, 0.5], [-1.0, 0.0]]
    assert given.dtype == np.float32
    assert for_the_game(torch.tensor([0, 1]), gymnasium.spaces.Discrete(2, start=-1)).tolist() == [-1, 0]
    matrix = gymnasium.spaces.Box(-1, 1, (2, 2), dtype=np.float64)
    assert for_the_game(torch.full((3, 4), 7.0), matrix).shape == (3, 2, 2)


def test_the_first_gaussian_is_close_to_standard():
    space = gymnasium.spaces.Box(-1, 1, (3,))
    actor, _ = actor_and_critic(space, BOX, 16, generator=generator())
    parameters = actor(torch.randn(5, 7, 3, generator=generator()))
    assert parameters.shape == (5, 7, 4)
    assert parameters[..., :2].abs().max() < 0.1
    assert (parameters[..., 2:] == 0).all()
    assert "log_std" in dict(actor.named_parameters())


class Echo(gymnasium.Env):
    """Pays the action that arrives, for 4 steps."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-0.5, 0.5, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.now += 1
        return np.zeros(1, np.float32), float(action[0]), self.now == 4, False, {}


gymnasium.register("distribution_tests/Echo-v0", Echo)


def test_the_game_gets_the_cut_action_and_the_rollout_keeps_the_raw_one():
    game = Game("distribution_tests/Echo-v0", 3, device=torch.device("cpu"), seed=0)
    rollout = collect(game, lambda o: torch.zeros(len(o), 2), 50, generator=generator())
    assert rollout.actions.shape == (50, 3, 1)
    assert (rollout.actions.abs() > 0.5).any()
    torch.testing.assert_close(rollout.rewards, rollout.actions[..., 0].clamp(-0.5, 0.5))


def test_evaluation_plays_the_mean_cut_to_the_box():
    def policy(observations):
        return torch.tensor([9.0, 3.0]).expand(len(observations), 2)  # mean 9, and far from certain

    assert evaluate(policy, "distribution_tests/Echo-v0", episodes=2, seed=0).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("objective", ["clip", "penalty", "trust_region", "score"])
@pytest.mark.parametrize("env_id", ["ppo_lessons/Pendulum-v1", "Pendulum-v1"])
def test_every_objective_trains_a_gaussian(objective, env_id, tmp_path):
    config = Config(env_id=env_id, objective=objective, total_steps=768, num_envs=4, num_steps=64, device="cpu")
    records = list(train(config))
    assert all(record.kl > 0 for record in records[1:])
    assert records[1].entropy == pytest.approx(math.log(2 * math.pi * math.e) / 2)
    assert records[-1].policy.log_std.item() != 0
    records[-2].save(tmp_path / "run.pt")
    resumed = list(train(config, resume=tmp_path / "run.pt")) if env_id.startswith("ppo_lessons/") else records[-1:]
    assert resumed[0].kl == records[-1].kl


def test_one_gaussian_step_moves_towards_the_action_that_paid():
    """The score of a single action: the mean moves towards it where the advantage is positive, away where negative."""
    for sign in (1, -1):
        parameters = torch.tensor([[0.0, 0.0]], requires_grad=True)
        objective = (sign * Gaussian.log_probability(parameters, torch.tensor([[0.7]]))).mean()
        (gradient,) = torch.autograd.grad(objective, parameters)
        assert gradient[0, 0].item() == pytest.approx(sign * 0.7)


@pytest.mark.parametrize("width", [2, 5])
def test_sampling_draws_what_multinomial_would(width):
    """The race of exponential times, written out, spends the generator's numbers as PyTorch's own function does."""
    logits = torch.randn(4096, width, generator=torch.Generator().manual_seed(7))
    ours = Softmax.sample(logits, generator=torch.Generator().manual_seed(8))
    theirs = torch.multinomial(logits.softmax(-1), 1, generator=torch.Generator().manual_seed(8)).squeeze(-1)
    assert torch.equal(ours, theirs)
