"""The Corridor: its rules by hand, its list of plays, and every exact number that the lessons quote about it."""

import itertools
import time

import pytest
import torch

from ppo_lessons.corridor import CELLS, ENDED, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.gae import gae
from ppo_lessons.reward_to_go import reward_to_go

LEFT, UP, RIGHT = 0, 1, 2
LEAVE = "what leaving cell 0 pays"
# (cell, action): [(probability, next cell or "end", reward)], written down from the rules in words
BY_HAND = {
    (0, LEFT): [(1.0, 0, 0)],
    (0, UP): [(0.8, 2, LEAVE), (0.2, 0, 0)],
    (0, RIGHT): [(0.9, 1, LEAVE), (0.1, 0, 0)],
    (1, LEFT): [(1.0, 1, 0)],
    (1, UP): [(0.8, "end", -2), (0.2, 1, 0)],
    (1, RIGHT): [(0.9, 2, 0), (0.1, 1, 0)],
    (2, LEFT): [(0.9, 1, 0), (0.1, 2, 0)],
    (2, UP): [(0.8, 4, 0), (0.2, 2, 0)],
    (2, RIGHT): [(0.9, "end", -2), (0.1, 2, 0)],
    (4, LEFT): [(0.9, "end", -2), (0.1, 4, 0)],
    (4, UP): [(0.8, "end", 3), (0.2, 4, 0)],
    (4, RIGHT): [(0.9, "end", 3), (0.1, 4, 0)],
}
OTHER_WORLDS = [
    Corridor(success=(1.0, 1.0, 1.0)),
    Corridor(success=(0.5, 0.0, 1.0), steps=4),
    Corridor(steps=1),
    Corridor(leaving=(1.0, -0.5), pit=-1.0, flag=10.0, steps=5),
    Corridor(leaving=(0.0, 0.0), pit=0.0, flag=0.0, steps=3),
]

world = Corridor()
slides = world.policy(SLIDES_POLICY)
plays = world.trajectories()


def random_policy(seed):
    return torch.randn(STATES, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def exact_advantage(values, action_values):
    """Q_t(s_t, a_t) - V_t(s_t) of every listed step, 0 after the end."""
    table = torch.cat([action_values, torch.zeros(world.steps, 1, 3, dtype=torch.float64)], dim=1)
    time_step = torch.arange(world.steps)[:, None]
    return table[time_step, plays.states, plays.actions] - world.step_values(values, plays)[0]


# The rules


@pytest.mark.parametrize("situation", [0, 1], ids=["day", "night"])
@pytest.mark.parametrize(("cell", "action"), BY_HAND)
def test_rules_are_the_written_ones(situation, cell, action):
    expected = [
        (p, ENDED if target == "end" else CELLS * situation + target, (5, -5)[situation] if reward is LEAVE else reward)
        for p, target, reward in BY_HAND[cell, action]
    ]
    got = world.outcomes(CELLS * situation + cell, action)
    assert [pytest.approx(outcome) for outcome in expected] == [tuple(outcome) for outcome in got]


@pytest.mark.parametrize("rules", [world, *OTHER_WORLDS])
def test_transitions_are_distributions(rules):
    probability, reward = rules.transitions()
    assert probability.shape == reward.shape == (STATES, 3, STATES + 1)
    assert (probability >= 0).all()
    torch.testing.assert_close(probability.sum(-1), torch.ones(STATES, 3, dtype=torch.float64), rtol=0, atol=1e-15)


def test_outcomes_with_the_same_successor_are_one():
    for state, action in itertools.product(range(STATES), range(3)):
        successors = [outcome.next_state for outcome in world.outcomes(state, action)]
        assert len(set(successors)) == len(successors)
    # behind the wall `left` does nothing, whether it succeeds or not: one play, not two
    assert [len(world.outcomes(CELLS * s + cell, LEFT)) for s in (0, 1) for cell in (0, 1)] == [1, 1, 1, 1]


def test_certain_success_drops_the_impossible_plays():
    # one step, nothing fails: 2 situations x 3 actions
    assert Corridor(success=(1.0, 1.0, 1.0), steps=1).trajectories().states.shape == (1, 6)


# The list of plays


def test_number_of_plays():
    assert plays.states.shape == plays.actions.shape == plays.rewards.shape == plays.mask.shape == (6, 25_472)
    assert plays.probability.shape == (25_472,)
    assert plays.states.dtype == plays.actions.dtype == torch.int64
    assert plays.rewards.dtype == plays.mask.dtype == plays.probability.dtype == torch.float64


def test_number_of_plays_by_recursion():
    # count(cell, steps left) = sum over actions and successors: no list is built here
    def count(cell, left):
        if cell == "end" or left == 0:
            return 1
        return sum(count(target, left - 1) for a in range(3) for _, target, _ in BY_HAND[cell, a])

    assert 2 * count(0, 6) == 25_472


def test_listing_takes_less_than_a_second():
    fresh = Corridor(flag=3.0 + 1e-9)  # other rules, so that nothing is remembered
    began = time.perf_counter()
    fresh.trajectories()
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rules", [world, *OTHER_WORLDS])
def test_probabilities_sum_to_one(rules, seed):
    total = rules.probabilities(random_policy(seed)).sum().item()
    assert total == pytest.approx(1, abs=5e-15)


def test_probabilities_sum_to_one_under_the_slides_policy():
    p = world.probabilities(slides)
    assert (p > 0).all()
    assert p.sum().item() == pytest.approx(1, abs=1e-15)


def test_every_listed_step_follows_the_rules():
    probability, reward = world.transitions()
    after = torch.cat([plays.states[1:], torch.full_like(plays.states[:1], -1)])
    rebuilt = torch.full_like(plays.probability, 1 / 2)
    for t in range(world.steps - 1):
        running = plays.mask[t] == 1
        s, a, following = plays.states[t, running], plays.actions[t, running], after[t, running]
        assert (probability[s, a, following] > 0).all()
        assert torch.equal(plays.rewards[t, running], reward[s, a, following])
        rebuilt[running] *= probability[s, a, following]
    # what is left is the sixth step alone, whose successor the list does not name: one of two, or certain
    last = plays.probability / rebuilt
    ended_before = plays.mask[-1] == 0
    torch.testing.assert_close(last[ended_before], torch.ones_like(last[ended_before]))
    possible = torch.tensor([0.1, 0.2, 0.8, 0.9, 1.0], dtype=torch.float64)
    assert (last[:, None] - possible).abs().amin(1).max() < 1e-12


def test_after_the_end_nothing_happens():
    over = plays.mask == 0
    assert over.any()
    assert (plays.states[over] == ENDED).all()
    assert (plays.states[~over] != ENDED).all()
    assert (plays.actions[over] == 0).all()
    assert (plays.rewards[over] == 0).all()
    assert (plays.mask[1:] <= plays.mask[:-1]).all()


def test_terminated_marks_the_last_step_and_all_after_it():
    running = plays.mask.sum(0).long()
    expected = torch.arange(world.steps)[:, None] >= running - 1
    assert torch.equal(plays.terminated, expected)


def test_the_running_trajectory():
    """right, right, right by day: coin, nothing, pit. p = 1/2 * 0.9^3 for the world and 0.7^3 for the policy."""
    states = torch.tensor([0, 1, 2, ENDED, ENDED, ENDED])
    actions = torch.tensor([RIGHT, RIGHT, RIGHT, 0, 0, 0])
    found = ((plays.states == states[:, None]) & (plays.actions == actions[:, None])).all(0).nonzero().flatten()
    assert len(found) == 1
    play = plays.select(found)
    assert play.rewards.flatten().tolist() == [5, 0, -2, 0, 0, 0]
    assert play.returns.item() == 3
    assert play.probability.item() == pytest.approx(0.9**3 / 2)
    assert world.probabilities(slides)[found].item() == pytest.approx(0.9**3 / 2 * 0.7**3)
    assert reward_to_go(play.rewards, gamma=1.0)[:3, 0].tolist() == [3, -2, -2]


def test_share_of_plays_that_hit_the_limit():
    # the sixth step was taken and led neither into the pit (-2) nor to the flag (+3)
    limit = (plays.mask[-1] == 1) & (plays.rewards[-1] != -2) & (plays.rewards[-1] != 3)
    by_listing = world.probabilities(slides)[limit].sum()
    assert by_listing.item() == pytest.approx(0.0395, abs=5e-5)
    step = torch.einsum("sa,sap->sp", slides.softmax(-1), world.transitions()[0])[:, :STATES]
    by_visits = (world.visits(slides)[-1] @ step).sum()
    assert by_listing.item() == pytest.approx(by_visits.item(), abs=1e-15)


def test_good_and_bad_situation():
    night = plays.states[0] == CELLS
    finished = (
        plays.rewards[plays.mask.sum(0).long() - 1, torch.arange(plays.mask.shape[1])] == torch.tensor([[-2], [3]])
    ).any(0)
    assert (plays.returns[finished & ~night] > 0).all()
    assert (plays.returns[night] <= 0).all()


# Exact values


def test_expected_return_of_the_slides_policy():
    assert world.expected_return(slides).item() == pytest.approx(-1.247, abs=5e-4)


@pytest.mark.parametrize("rules", [world, *OTHER_WORLDS])
def test_expected_return_by_listing_and_by_recursion(rules):
    policy = random_policy(4)
    assert rules.expected_return(policy).item() == pytest.approx(rules.start_value(policy), abs=1e-13)


@pytest.mark.parametrize("policy", [slides, random_policy(0)], ids=["slides", "random"])
def test_visits_equal_enumeration(policy):
    p = world.probabilities(policy)
    visits = torch.stack([torch.zeros(STATES + 1, dtype=torch.float64).index_add(0, s, p) for s in plays.states])
    torch.testing.assert_close(world.visits(policy), visits[:, :STATES], rtol=0, atol=1e-13)


@pytest.mark.parametrize("gamma", [1.0, 0.9, 0.0])
@pytest.mark.parametrize("policy", [slides, random_policy(1)], ids=["slides", "random"])
def test_values_are_averages_over_the_list(policy, gamma):
    """V_t(s) = E[G_t | s_t = s] and Q_t(s, a) = E[G_t | s_t = s, a_t = a], each by summing listed plays."""
    tables = world.tables(policy, gamma=gamma)
    assert tables.values.shape == (7, STATES + 1)
    assert tables.action_values.shape == (6, STATES, 3)
    assert (tables.values[-1] == 0).all()
    assert (tables.values[:, ENDED] == 0).all()
    p, returns = world.probabilities(policy), reward_to_go(plays.rewards, gamma=gamma)
    checked = 0
    for t, s in itertools.product(range(world.steps), range(STATES)):
        here = plays.states[t] == s
        if not here.any():
            continue
        mean = (p * returns[t])[here].sum() / p[here].sum()
        assert tables.values[t, s].item() == pytest.approx(mean.item(), abs=1e-13)
        for a in range(3):
            did = here & (plays.actions[t] == a)
            mean = (p * returns[t])[did].sum() / p[did].sum()
            assert tables.action_values[t, s, a].item() == pytest.approx(mean.item(), abs=1e-13)
        checked += 1
    assert checked == 2 * (1 + 3 + 4 * 4)  # cell 0; then 0, 1, 2; from t = 2 on also 4


def test_step_values_look_up_the_tables():
    table = torch.randn(7, STATES + 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    table[:, ENDED] = 99  # must not reach a play's last step: what has ended is worth nothing
    chosen = plays.select(torch.arange(0, 25_472, 509))
    values, following = world.step_values(table, chosen)
    for t, k in itertools.product(range(world.steps), range(chosen.states.shape[1])):
        assert values[t, k] == table[t, chosen.states[t, k]]
        last = t == world.steps - 1 or chosen.states[t + 1, k] == ENDED
        assert following[t, k] == (0 if last else table[t + 1, chosen.states[t + 1, k]])
    everything = world.step_values(table)
    assert torch.equal(everything[0][:, ::509], values)
    assert torch.equal(everything[1][:, ::509], following)


# The gradient and its estimates


@pytest.mark.parametrize("policy", [slides, random_policy(2)], ids=["slides", "random"])
def test_gradient_equals_finite_differences(policy):
    h = 1e-5
    numeric = torch.zeros_like(policy)
    for index in itertools.product(range(STATES), range(3)):
        up, down = policy.clone(), policy.clone()
        up[index] += h
        down[index] -= h
        numeric[index] = (world.start_value(up) - world.start_value(down)) / (2 * h)
    torch.testing.assert_close(world.gradient(policy), numeric, rtol=0, atol=1e-9)


@pytest.mark.parametrize("policy", [slides, random_policy(3)], ids=["slides", "random"])
def test_gradient_equals_the_average_of_score_times_return(policy):
    p = world.probabilities(policy)
    average = (p * plays.returns) @ world.scores(policy, torch.ones(6, 1, dtype=torch.float64).expand(6, 25_472))
    torch.testing.assert_close(world.gradient(policy), average.reshape(STATES, 3), rtol=0, atol=1e-13)


def test_scores_equal_autograd():
    weights = torch.randn(6, 25_472, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    policy = random_policy(5).requires_grad_()
    scores = world.scores(policy, weights)
    for k in (0, 1, 7_777, 25_471):
        play = plays.select([k])
        weighted = (weights[:, [k]] * world.log_probabilities(policy, play)).sum()
        (expected,) = torch.autograd.grad(weighted, policy)
        torch.testing.assert_close(scores[k], expected.flatten(), rtol=0, atol=1e-14)


def weights_of(name):
    values, action_values = world.tables(slides, gamma=1.0)
    returns = reward_to_go(plays.rewards, gamma=1.0)
    return {
        "total return": plays.returns.expand(6, -1),
        "reward-to-go": returns,
        "minus V(s)": returns - world.step_values(values)[0],
        "exact advantage": exact_advantage(values, action_values),
    }[name]


@pytest.mark.parametrize(
    ("name", "variance"),
    [("total return", 48.01), ("reward-to-go", 21.71), ("minus V(s)", 6.00), ("exact advantage", 2.26)],
)
def test_variance_ladder(name, variance):
    moments = world.gradient_moments(slides, weights_of(name))
    assert moments.variance.item() == pytest.approx(variance, abs=0.005)
    assert moments.bias.norm() < 1e-13
    torch.testing.assert_close(moments.mean, world.gradient(slides), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("lam", "variance"), [(0.0, 2.53), (0.5, 3.02), (0.9, 4.90), (1.0, 6.00)])
def test_variance_of_gae_with_the_exact_critic(lam, variance):
    values, following = world.step_values(world.tables(slides, gamma=1.0).values)
    never = torch.zeros_like(plays.terminated)
    advantages = gae(plays.rewards, values, following, plays.terminated, never, gamma=1.0, lam=lam)
    moments = world.gradient_moments(slides, advantages)
    assert moments.variance.item() == pytest.approx(variance, abs=0.005)
    assert moments.bias.norm() < 1e-13


def test_discounting_biases_the_gradient():
    """gamma = 0.9: variance 18.3 instead of 21.7, bias 0.071, which is 12% of |grad J| = 0.574."""
    moments = world.gradient_moments(slides, reward_to_go(plays.rewards, gamma=0.9))
    length = world.gradient(slides).norm().item()
    assert moments.variance.item() == pytest.approx(18.3, abs=0.05)
    assert moments.bias.norm().item() == pytest.approx(0.071, abs=5e-4)
    assert length == pytest.approx(0.574, abs=5e-4)
    assert moments.bias.norm().item() / length == pytest.approx(0.12, abs=5e-3)
    blind = world.gradient_moments(slides, reward_to_go(plays.rewards, gamma=0.0))
    assert blind.variance.item() == pytest.approx(9.79, abs=0.005)


def test_gradient_of_the_discounted_objective_is_another_one():
    """The usual estimate drops gamma^t, so its mean is 0.119 away from the gradient of the discounted J as well."""
    policy = slides.clone().requires_grad_()
    discounted = (plays.rewards * 0.9 ** torch.arange(6.0, dtype=torch.float64)[:, None]).sum(0)
    (gradient,) = torch.autograd.grad((discounted * world.probabilities(policy)).sum(), policy)
    mean = world.gradient_moments(slides, reward_to_go(plays.rewards, gamma=0.9)).mean
    assert (mean - gradient).norm().item() == pytest.approx(0.119, abs=5e-4)


@pytest.mark.parametrize(("constant", "variance"), [(-0.739, 20.82), (-1.247, 21.24)])
def test_constant_baselines(constant, variance):
    moments = world.gradient_moments(slides, reward_to_go(plays.rewards, gamma=1.0) - constant)
    assert moments.variance.item() == pytest.approx(variance, abs=0.005)
    assert moments.bias.norm() < 1e-13


def test_weights_after_the_end_do_not_count():
    weights = weights_of("reward-to-go")
    disturbed = weights.masked_fill(plays.mask == 0, 1e9)
    for clean, dirty in zip(
        world.gradient_moments(slides, weights), world.gradient_moments(slides, disturbed), strict=True
    ):
        assert torch.equal(clean, dirty)


def test_joint_moments_know_every_mixture():
    """Var[c_0 g_0 + c_1 g_1] = c Cov c, against the moments of the mixed weights."""
    pair = torch.stack([weights_of("total return"), weights_of("exact advantage")])
    mean, covariance = world.joint_moments(slides, pair)
    mixture = torch.tensor([0.3, -1.2], dtype=torch.float64)
    direct = world.gradient_moments(slides, torch.einsum("n,ntk->tk", mixture, pair))
    torch.testing.assert_close((mixture @ mean).reshape(STATES, 3), direct.mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(mixture @ covariance @ mixture, direct.variance, rtol=0, atol=1e-11)


def test_gradient_ascent_ends_in_a_local_maximum():
    """J -> 2.970: by day coin, jump, flag; by night it pays the toll too, though standing still is better (3.985)."""
    policy = slides.clone()
    for _ in range(400):
        policy += 10 * world.gradient(policy)
    reached = world.start_value(policy)
    assert reached == pytest.approx(2.970, abs=1e-3)
    assert world.gradient(policy).norm() < 1e-3
    assert policy.argmax(-1)[[0, 2, 4]].tolist() == [UP, UP, RIGHT]
    assert policy.softmax(-1)[CELLS, LEFT] < 0.001
    best = policy.clone()
    best[CELLS] = torch.tensor([60.0, 0, 0])
    assert world.start_value(best) > reached + 1


def test_best_expected_return():
    # the best action in every state at every time, by backward recursion
    probability, reward = world.transitions()
    best = torch.zeros(STATES + 1, dtype=torch.float64)
    for _ in range(world.steps):
        best = torch.cat([(probability * (reward + best)).sum(-1).amax(-1), torch.zeros(1, dtype=torch.float64)])
    assert (best[0] + best[CELLS]).item() / 2 == pytest.approx(3.985, abs=5e-4)


# Drawing plays


def test_sample_draws_with_the_right_frequencies():
    """Shares of 20,000 drawn plays, each within 4 standard errors of its exact probability."""
    number = 20_000
    drawn = world.sample(slides, number, generator=torch.Generator().manual_seed(0))
    assert drawn.states.shape == (6, number)
    visits = world.visits(slides)
    for t, s in itertools.product(range(world.steps), range(STATES)):
        p = visits[t, s].item()
        share = (drawn.states[t] == s).double().mean().item()
        assert abs(share - p) <= 4 * (p * (1 - p) / number) ** 0.5
    for a, p in enumerate(SLIDES_POLICY):
        share = (drawn.actions[0] == a).double().mean().item()
        assert abs(share - p) <= 4 * (p * (1 - p) / number) ** 0.5
    error = drawn.returns.std() / number**0.5
    assert abs(drawn.returns.mean() - world.expected_return(slides)) <= 4 * error


def test_sample_is_reproducible_and_takes_whole_plays():
    first, again, other = (
        world.sample(slides, 50, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first.states, again.states)
    assert not torch.equal(first.states, other.states)
    where = torch.multinomial(
        world.probabilities(slides), 50, replacement=True, generator=torch.Generator().manual_seed(3)
    )
    for drawn, listed in zip(first, plays.select(where), strict=True):
        assert torch.equal(drawn, listed)


def test_log_probabilities_of_chosen_plays():
    chosen = plays.select([5, 25_000, 12])
    expected = torch.tensor(SLIDES_POLICY, dtype=torch.float64).log()[chosen.actions] * chosen.mask
    torch.testing.assert_close(world.log_probabilities(slides, chosen), expected)


def test_log_probabilities_of_all_plays_are_those_of_each():
    policy = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(world.log_probabilities(policy), world.log_probabilities(policy, plays))
