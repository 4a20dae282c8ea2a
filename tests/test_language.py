"""The language small enough to list: every string, exact sums, the optimum, the gradient of each KL estimator."""

import itertools
import math

import pytest
import torch

from ppo_lessons.gae import gae
from ppo_lessons.kl_penalty import approximate_kl, kl_divergence
from ppo_lessons.language import (
    Language,
    RecurrentPolicy,
    Transformer,
    group_advantages,
    per_token_rewards,
    reference_kl,
    reverse_kl_policy,
)

language = Language()
small = Language(letters="ab", length=3)  # 15 strings, 7 states
ESTIMATORS = ("k1", "k2", "k3")


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def table(world, seed, scale=1.0):
    return scale * draw(world.states, len(world.letters) + 1, seed=seed)


def networks():
    torch.manual_seed(0)
    sizes = language.end + 2, language.end + 1
    return [Transformer(*sizes, language.length, width=8), RecurrentPolicy(*sizes, width=8)]


def gradient(objective, logits):
    """Gradient of `objective(logits)` at these logits."""
    logits = logits.detach().clone().requires_grad_()
    return torch.autograd.grad(objective(logits), logits)[0]


# The list


def test_the_list_has_every_string_once():
    # 1 + 4 + 16 + 64 + 256 + 1024 + 4096
    assert language.size == 5461 == sum(4**n for n in range(7))
    written = language.write(range(5461))
    assert set(written) == {"".join(s) for n in range(7) for s in itertools.product("abcd", repeat=n)}
    assert [language.number_of(text) for text in written] == list(range(5461))
    assert torch.equal(language.strings().number, torch.arange(5461))


def test_a_string_by_hand():
    # "ba" of the language of a and b with three letters: states "" = 0, "b" = 2, "ba" = 2 * 2 + 1 + 0 = 5
    ba = small.strings().select(torch.tensor([small.number_of("ba")]))
    assert small.write(ba.number) == ["ba"]
    assert ba.states[:, 0].tolist() == [0, 2, 5]
    assert ba.actions[:, 0].tolist() == [1, 0, 2]  # b, a, the end sign
    assert ba.mask[:, 0].tolist() == [True, True, True]
    assert ba.last[:, 0].tolist() == [False, False, True]
    # "b" ends one token earlier; the third row is filling
    b = small.strings().select(torch.tensor([small.number_of("b")]))
    assert b.states[:, 0].tolist() == [0, 2, 7]
    assert b.mask[:, 0].tolist() == [True, True, False]
    # "bab" has no end sign: after the last letter nothing is chosen
    bab = small.strings().select(torch.tensor([small.number_of("bab")]))
    assert bab.actions[:, 0].tolist() == [1, 0, 1]
    assert bab.lengths.tolist() == [3]


def test_what_follows_an_end_sign_does_not_count():
    a, b, end = 0, 1, small.end
    strings = small.read(torch.tensor([[b, end], [end, a], [a, b]]))
    assert small.write(strings.number) == ["b", ""]
    assert strings.actions.T.tolist() == [[b, end, end], [end, end, end]]
    assert strings.mask.T.tolist() == [[True, True, False], [True, False, False]]


def test_rewards_count_letters():
    rewards = language.count("b")
    for text in ("", "b", "abba", "bbbbbb", "acdc"):
        assert rewards[language.number_of(text)] == text.count("b")


# A policy's distribution


@pytest.mark.parametrize("world", [language, small])
def test_probabilities_sum_to_one(world):
    p = world.probabilities(table(world, 0))
    assert p.shape == (world.size,)
    assert p.sum().item() == pytest.approx(1, abs=1e-13)


def test_probability_of_a_string_is_the_product_of_its_tokens():
    logits = table(small, 1)
    pi = logits.softmax(-1)
    # "ba": b in state 0, a in state 2, end in state 5
    expected = pi[0, 1] * pi[2, 0] * pi[5, 2]
    assert small.probabilities(logits)[small.number_of("ba")].item() == pytest.approx(expected.item(), abs=1e-15)


@pytest.mark.parametrize("network", networks())
def test_a_network_writes_the_table_that_it_gives_string_by_string(network):
    strings = language.strings()
    logits, values = network(language.inputs(strings))
    rows, row_values = language.tabulate(network)
    assert rows.shape == (1365, 5)
    torch.testing.assert_close(rows[strings.states[strings.mask]], logits[strings.mask], rtol=0, atol=1e-5)
    torch.testing.assert_close(row_values[strings.states[strings.mask]], values[strings.mask], rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", networks())
def test_no_token_sees_what_comes_after_it(network):
    tokens = torch.tensor([[5, 5], [1, 1], [2, 2], [0, 3]])
    logits, values = network(tokens)
    assert torch.equal(logits[:3, 0], logits[:3, 1])
    assert torch.equal(values[:3, 0], values[:3, 1])
    assert not torch.allclose(logits[3, 0], logits[3, 1])


@pytest.mark.parametrize("network", networks())
def test_the_critics_error_moves_only_its_own_head(network):
    network.zero_grad()
    network(torch.tensor([[5], [1]]))[1].square().sum().backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert moved <= {"value_head.weight", "value_head.bias"}
    assert moved


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_samples_follow_the_table(temperature):
    """The number of b of 20,000 sampled strings, and their length, against the exact means: four standard errors."""
    network = networks()[0].requires_grad_(False)
    chances = language.probabilities(language.table(network).double() / temperature)
    generator = torch.Generator().manual_seed(3)
    strings = language.sample(network, 20_000, generator=generator, temperature=temperature)
    for numbers in (language.count("b"), language.strings().lengths.double()):
        mean = chances @ numbers
        error = (chances @ (numbers - mean).square() / 20_000).sqrt()
        assert abs(numbers[strings.number].mean() - mean) < 4 * error


def test_samples_belong_to_their_seed():
    network = networks()[1]
    first, again = (
        language.sample(network, 50, generator=torch.Generator().manual_seed(1), temperature=1.0) for _ in range(2)
    )
    assert torch.equal(first.number, again.number)


# Exact sums


def test_kl_is_the_sum_over_states_that_are_visited():
    """KL of strings = sum over states of (chance to come there) x KL of that state's choice: the chain rule."""
    p, q = table(language, 0), table(language, 1)
    strings, chances = language.strings(), language.probabilities(p)
    visits = torch.zeros(1366, dtype=torch.float64)
    visits.index_add_(0, strings.states.flatten(), chances.expand(6, -1).flatten())
    expected = (visits[:-1] * kl_divergence(p, q)).sum()
    assert language.kl(p, q).item() == pytest.approx(expected.item(), abs=1e-12)


def test_values_by_backward_recursion_are_those_of_the_list():
    logits, rewards = table(language, 0), draw(5461)
    q, v = language.action_values(logits, rewards)
    assert v[0].item() == pytest.approx(language.expected_reward(logits, rewards).item(), abs=1e-12)
    pi = logits.softmax(-1)
    torch.testing.assert_close((pi * q).sum(-1), v, rtol=0, atol=1e-12)
    # with the price of each token: V of the start is J
    reference = table(language, 1)
    costs = 0.7 * (logits.log_softmax(-1) - reference.log_softmax(-1))
    _, v = language.action_values(logits, rewards, costs)
    objective = language.objective(logits, reference, rewards, beta=0.7)
    assert v[0].item() == pytest.approx(objective.item(), abs=1e-12)


# The optimum


@pytest.mark.parametrize("beta", [0.3, 1.0, 5.0])
def test_j_is_the_optimum_minus_the_price_of_the_distance_to_it(beta):
    reference, rewards = table(language, 0), language.count("b")
    best = language.optimum(reference, rewards, beta=beta)
    assert best.probabilities.sum().item() == pytest.approx(1, abs=1e-13)
    for seed in range(1, 4):
        logits = table(language, seed)
        p = language.probabilities(logits)
        distance = (p * (p / best.probabilities).log()).sum()
        j = language.objective(logits, reference, rewards, beta=beta)
        assert j.item() == pytest.approx((best.objective - beta * distance).item(), abs=1e-10)


def test_the_optimum_by_hand():
    # one letter a, at most one: two strings with probability 1/2 each, reward 0 and log 3, beta = 1: weights 1 and 3
    world = Language(letters="a", length=1)
    best = world.optimum(torch.zeros(1, 2).double(), torch.tensor([0.0, math.log(3)]).double(), beta=1.0)
    assert best.probabilities.tolist() == pytest.approx([1 / 4, 3 / 4])
    assert best.objective.item() == pytest.approx(math.log(2))  # log of the mean weight (1 + 3) / 2


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_the_optimum_token_by_token_is_the_optimum(beta):
    reference, rewards = table(language, 0), language.count("b")
    best = language.optimum(reference, rewards, beta=beta)
    landed = language.landing(reference, rewards, beta=beta, estimator="reward")
    torch.testing.assert_close(language.probabilities(landed), best.probabilities, rtol=0, atol=1e-12)
    reached = language.objective(landed, reference, rewards, beta=beta)
    assert reached.item() == pytest.approx(best.objective.item(), abs=1e-12)
    assert gradient(lambda t: language.objective(t, reference, rewards, beta=beta), landed).abs().max() < 1e-10


def test_at_the_optimum_every_string_returns_the_same():
    reference, rewards, beta = table(language, 0), language.count("b"), 1.0
    landed = language.landing(reference, rewards, beta=beta, estimator="reward")
    d = (language.log_probabilities(landed) - language.log_probabilities(reference)).sum(0)
    best = language.optimum(reference, rewards, beta=beta).objective
    torch.testing.assert_close(rewards - beta * d, best.expand(5461), rtol=0, atol=1e-11)


# Estimators of KL(pi||pi_ref), as numbers


@pytest.mark.parametrize(
    ("estimator", "doubled", "halved"),
    [
        ("k1", math.log(2), -math.log(2)),
        ("k2", math.log(2) ** 2 / 2, math.log(2) ** 2 / 2),
        ("k3", 1 / 2 - 1 + math.log(2), 2 - 1 - math.log(2)),  # exp(-d) - 1 + d
    ],
)
def test_estimators_by_hand(estimator, doubled, halved):
    logp, ref = torch.tensor([0.8, 0.2]).double().log(), torch.tensor([0.4, 0.4]).double().log()
    result = reference_kl(logp, ref, estimator=estimator)
    assert result.tolist() == pytest.approx([doubled, halved], abs=1e-7)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_values_are_those_of_lesson_09_with_the_policies_exchanged(estimator):
    logp, ref = draw(50), draw(50, seed=1)
    expected = approximate_kl(ref, logp, estimator=estimator)
    torch.testing.assert_close(reference_kl(logp, ref, estimator=estimator), expected, rtol=0, atol=0)


def test_k3_by_k2_has_the_value_of_one_and_the_gradient_of_the_other():
    logp, ref = draw(50), draw(50, seed=1)
    mixed = reference_kl(logp, ref, estimator="k3 by k2")
    torch.testing.assert_close(mixed, reference_kl(logp, ref, estimator="k3"), rtol=0, atol=1e-14)
    slopes = [gradient(lambda x, k=k: reference_kl(x, ref, estimator=k).sum(), logp) for k in ("k3 by k2", "k2")]
    assert torch.equal(*slopes)


def test_the_reference_is_data():
    logp, ref = draw(5).requires_grad_(), draw(5, seed=1).requires_grad_()
    for estimator in (*ESTIMATORS, "k3 by k2"):
        reference_kl(logp, ref, estimator=estimator).sum().backward()
    assert ref.grad is None
    assert logp.grad is not None


def test_k1_and_k3_are_right_on_average_and_k2_is_not():
    logits, reference = table(language, 0, 0.5), table(language, 1, 0.5)
    logp, ref = (language.log_probabilities(t).sum(0) for t in (logits, reference))
    exact = language.kl(logits, reference).item()
    mean = {k: language.mean_over_strings(reference_kl(logp, ref, estimator=k), logits).item() for k in ESTIMATORS}
    assert mean["k1"] == pytest.approx(exact, abs=1e-12)
    assert mean["k3"] == pytest.approx(exact, abs=1e-12)
    assert abs(mean["k2"] - exact) > 0.1 * exact


def test_k3_with_its_sign_turned_estimates_something_else():
    """exp(d) - 1 - d, with samples of pi: its mean is chi squared(pi||ref) - KL(pi||ref)."""
    logits, reference = table(language, 0, 0.3), table(language, 1, 0.3)
    logp, ref = (language.log_probabilities(t).sum(0) for t in (logits, reference))
    d = logp - ref
    chi_squared = (logp.exp() * d.exp()).sum() - 1
    wrong = language.mean_over_strings(torch.expm1(d) - d, logits)
    exact = language.kl(logits, reference)
    assert wrong.item() == pytest.approx((chi_squared - exact).item(), abs=1e-12)
    assert abs(wrong - exact) > 0.5 * exact


# The same as losses: exact gradients, every string listed


def whole(estimator, logits, reference):
    """One number a string [K]: the estimator of the whole string's log-ratio."""
    logp, ref = (language.log_probabilities(t).sum(0) for t in (logits, reference))
    return reference_kl(logp, ref, estimator=estimator)


def by_token(estimator, logits, reference):
    """One number a string [K]: the sum of the estimators of its tokens."""
    logp, ref = (language.log_probabilities(t) for t in (logits, reference))
    return reference_kl(logp, ref, estimator=estimator).sum(0)


def loss_gradient(count, estimator, reference, logits, behaviour):
    """Exact expected gradient of that loss, with strings that `behaviour` wrote."""
    return gradient(lambda t: language.mean_over_strings(count(estimator, t, reference), behaviour), logits)


logits_0, reference_0, old_0 = table(language, 0), table(language, 1), table(language, 2)
KL = gradient(lambda t: language.kl(t, reference_0), logits_0)
REVERSE_KL = gradient(lambda t: language.kl(reference_0, t), logits_0)


@pytest.mark.parametrize(
    ("estimator", "theory"),
    [("k1", torch.zeros_like(KL)), ("k2", KL), ("k3", REVERSE_KL), ("k3 by k2", KL)],
)
def test_gradient_of_a_whole_strings_estimator(estimator, theory):
    found = loss_gradient(whole, estimator, reference_0, logits_0, logits_0)
    torch.testing.assert_close(found, theory, rtol=0, atol=1e-10)


def on_states_of(policy, divergence):
    """Sum over states of (chance that `policy` comes there, held fixed) x divergence [S] of that state."""
    strings, chances = language.strings(), language.probabilities(policy)
    visits = torch.zeros(1366, dtype=torch.float64)
    visits.index_add_(0, strings.states.flatten(), chances.expand(6, -1).flatten())
    return (visits[:-1] * divergence).sum()


def test_by_token_k1_still_pushes_nowhere():
    assert loss_gradient(by_token, "k1", reference_0, logits_0, logits_0).abs().max() < 1e-10


def test_by_token_k2_leaves_out_what_a_token_does_to_later_kl():
    found = loss_gradient(by_token, "k2", reference_0, logits_0, logits_0)
    theory = gradient(lambda t: on_states_of(logits_0, kl_divergence(t, reference_0)), logits_0)
    torch.testing.assert_close(found, theory, rtol=0, atol=1e-10)
    assert (found - KL).norm() > 0.1 * KL.norm()
    # in the states in which only one more token is chosen nothing comes later: there the two agree
    last = slice(341, 1365)
    torch.testing.assert_close(found[last], KL[last], rtol=0, atol=1e-10)


def test_by_token_k3_is_the_reverse_kl_on_the_states_of_the_policy():
    found = loss_gradient(by_token, "k3", reference_0, logits_0, logits_0)
    theory = gradient(lambda t: on_states_of(logits_0, kl_divergence(reference_0, t)), logits_0)
    torch.testing.assert_close(found, theory, rtol=0, atol=1e-10)
    assert (found - REVERSE_KL).norm() > 0.1 * REVERSE_KL.norm()


def test_off_the_first_minibatch_k1_pushes_away_from_the_old_policy():
    # strings of the old policy: E_old grad log pi = -grad KL(old||pi)
    found = loss_gradient(whole, "k1", reference_0, logits_0, old_0)
    away = -gradient(lambda t: language.kl(old_0, t), logits_0)
    torch.testing.assert_close(found, away, rtol=0, atol=1e-10)


@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_with_stale_strings_no_estimator_has_the_right_gradient(estimator):
    found = loss_gradient(whole, estimator, reference_0, logits_0, old_0)
    right = KL if estimator == "k2" else REVERSE_KL
    assert (found - right).norm() > 0.1 * right.norm()


def test_kl_as_a_reward_has_the_gradient_of_the_exact_objective():
    """E[sum_t grad log pi(a_t|s_t) G_t], with G_t what the string still earns: grad of E[r] - beta KL."""
    rewards, beta = language.count("b"), 0.7
    strings = language.strings()

    def surrogate(t):
        logp = language.log_probabilities(t)
        ref = language.log_probabilities(reference_0)
        earned = per_token_rewards(rewards, logp, ref, strings.last, beta=beta)
        to_go = earned.flip(0).cumsum(0).flip(0)
        return language.mean_over_strings((logp * to_go).sum(0), logits_0)

    exact = gradient(lambda t: language.objective(t, reference_0, rewards, beta=beta), logits_0)
    torch.testing.assert_close(gradient(surrogate, logits_0), exact, rtol=0, atol=1e-10)


def test_gae_with_the_exact_critic_has_it_too():
    rewards, beta = language.count("b"), 0.7
    strings = language.strings()
    logp, ref = (language.log_probabilities(t) for t in (logits_0, reference_0))
    costs = beta * (logits_0.log_softmax(-1) - reference_0.log_softmax(-1))
    _, v = language.action_values(logits_0, rewards, costs)
    values = torch.cat([v, torch.zeros(1).double()])[strings.states]
    following = torch.cat([values[1:], torch.zeros_like(values[:1])])
    earned = per_token_rewards(rewards, logp, ref, strings.last, beta=beta)
    over = strings.last | ~strings.mask
    exact = gradient(lambda t: language.objective(t, reference_0, rewards, beta=beta), logits_0)
    for lam in (0.0, 0.5, 1.0):
        advantages = gae(earned, values, following, over, torch.zeros_like(over), gamma=1.0, lam=lam)

        def surrogate(t, advantages=advantages):
            return language.mean_over_strings((language.log_probabilities(t) * advantages).sum(0), logits_0)

        torch.testing.assert_close(gradient(surrogate, logits_0), exact, rtol=0, atol=1e-10)


def test_a_mean_over_each_answers_tokens_has_another_gradient():
    """Divided by its length, an answer with A = r - b pushes along grad E[r / length] - b grad E[1 / length]."""
    rewards, lengths = language.count("b"), language.strings().lengths.double()
    b = language.expected_reward(logits_0, rewards)
    exact = gradient(lambda t: language.expected_reward(t, rewards), logits_0)

    def push(weights):
        return gradient(
            lambda t: language.mean_over_strings(weights * language.log_probabilities(t).sum(0), logits_0), logits_0
        )

    torch.testing.assert_close(push(rewards - b), exact, rtol=0, atol=1e-10)
    theory = gradient(
        lambda t: language.expected_reward(t, rewards / lengths) - b * language.expected_reward(t, 1 / lengths),
        logits_0,
    )
    torch.testing.assert_close(push((rewards - b) / lengths), theory, rtol=0, atol=1e-10)
    assert (theory / theory.norm() - exact / exact.norm()).norm() > 0.1


# Where training lands


@pytest.mark.parametrize("estimator", ["k2", "k3"])
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_at_the_landing_reward_and_price_push_against_each_other(estimator, beta):
    rewards = language.count("b")
    landed = language.landing(reference_0, rewards, beta=beta, estimator=estimator)
    pull = loss_gradient(by_token, estimator, reference_0, landed, landed)
    push = gradient(lambda t: language.expected_reward(t, rewards), landed)
    torch.testing.assert_close(push, beta * pull, rtol=0, atol=1e-10)
    assert push.norm() > 1e-3
    # and it is not the optimum
    best = language.optimum(reference_0, rewards, beta=beta).objective
    assert language.objective(landed, reference_0, rewards, beta=beta) < best - 0.01


def test_the_reverse_kl_policy_by_hand():
    # ref = (1/2, 1/2), q = (0, 1), beta = 1: 1/2 / nu + 1/2 / (nu - 1) = 1, so nu = 1 + 1 / sqrt 2
    pi = reverse_kl_policy(torch.tensor([0.5, 0.5]).double(), torch.tensor([0.0, 1.0]).double(), beta=1.0)
    nu = 1 + 1 / math.sqrt(2)
    assert pi.tolist() == pytest.approx([0.5 / nu, 0.5 / (nu - 1)], abs=1e-12)


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_no_policy_is_better_than_the_reverse_kl_policy(beta):
    ref, q = draw(5).softmax(-1), draw(5, seed=1)
    best = reverse_kl_policy(ref, q, beta=beta)

    def worth(pi):
        return pi @ q - beta * (ref * (ref / pi).log()).sum(-1)

    others = torch.rand(2000, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    others = others / others.sum(1, keepdim=True)
    assert (worth(others) < worth(best)).all()
    assert (worth(0.99 * best + 0.01 * others) < worth(best)).all()


# Rewards of tokens, advantages of groups


def test_per_token_rewards_by_hand():
    # two strings of two and one tokens, beta = 1/2
    logp = torch.tensor([[-1.0, -0.5], [-2.0, 0.0]])
    ref = torch.tensor([[-2.0, -1.5], [-1.0, 0.0]])
    last = torch.tensor([[False, True], [True, False]])
    result = per_token_rewards(torch.tensor([4.0, 3.0]), logp, ref, last, beta=0.5)
    # first: -1/2 (-1 + 2) = -1/2, then 4 - 1/2 (-2 + 1) = 4.5; second: 3 - 1/2 (-0.5 + 1.5) = 2.5, then filling
    assert result.T.tolist() == [[-0.5, 4.5], [2.5, 0.0]]


def test_per_token_rewards_add_up_to_the_strings_return():
    strings, rewards = language.strings(), draw(5461)
    logp, ref = (language.log_probabilities(t) for t in (logits_0, reference_0))
    total = per_token_rewards(rewards, logp, ref, strings.last, beta=0.7).sum(0)
    torch.testing.assert_close(total, rewards - 0.7 * (logp - ref).sum(0), rtol=0, atol=1e-12)
    mean = language.probabilities(logits_0) @ total
    assert mean.item() == pytest.approx(language.objective(logits_0, reference_0, rewards, beta=0.7).item(), abs=1e-12)


def test_group_advantages_by_hand():
    returns = torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    # mean 3: -2, -1, 3; the variance of the sample is (4 + 1 + 9) / 2 = 7
    expected = torch.tensor([[-2.0, -1.0, 3.0], [0.0, 0.0, 0.0]])
    assert torch.equal(group_advantages(returns, divide=False), expected)
    torch.testing.assert_close(group_advantages(returns, divide=True), expected / math.sqrt(7))


@pytest.mark.parametrize("divide", [False, True])
def test_no_gradient_flows_through_rewards_and_advantages(divide):
    returns = draw(2, 3).requires_grad_()
    assert not group_advantages(returns, divide=divide).requires_grad
    last = torch.tensor([[True, True, True]])
    logp = draw(1, 3).requires_grad_()
    assert not per_token_rewards(draw(3), logp, draw(1, 3), last, beta=1.0).requires_grad


def test_a_groups_mean_shrinks_the_gradient_by_one_answer():
    """All pairs of strings of a small language: E of the group's gradient is (1 - 1/G) of the exact one, G = 2."""
    logits, rewards = table(small, 0), draw(small.size)
    p = small.probabilities(logits)
    pairs = torch.cartesian_prod(*[torch.arange(small.size)] * 2)
    advantages = group_advantages(rewards[pairs], divide=False)

    def mean_objective(t):
        logp = small.log_probabilities(t).sum(0)[pairs]
        return (p[pairs].prod(1) * (advantages * logp).mean(1)).sum()

    exact = gradient(lambda t: small.expected_reward(t, rewards), logits)
    torch.testing.assert_close(gradient(mean_objective, logits), exact / 2, rtol=0, atol=1e-12)


# Wrong input


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: reference_kl(draw(3), draw(4), estimator="k1"), "expected one shape"),
        (lambda: reference_kl(draw(3), draw(3), estimator="k4"), 'must be "k1", "k2", "k3" or "k3 by k2"'),
        (lambda: reference_kl(draw(3) / 0, draw(3), estimator="k1"), "must be finite"),
        (lambda: group_advantages(draw(3), divide=True), "at least two answers"),
        (lambda: group_advantages(draw(3, 1), divide=True), "at least two answers"),
        (lambda: per_token_rewards(draw(3), draw(2, 3), draw(2, 3), torch.ones(2, 3), beta=1.0), "bool"),
        (lambda: per_token_rewards(draw(2), draw(2, 3), draw(2, 3), torch.ones(2, 3) > 0, beta=1.0), "one shape"),
        (lambda: reverse_kl_policy(draw(3).softmax(0), draw(3), beta=0.0), "beta must be a positive number"),
        (lambda: language.optimum(logits_0, language.count("b"), beta=-1.0), "beta must be a positive number"),
        (lambda: language.landing(logits_0, language.count("b"), beta=1.0, estimator="k1"), "estimator must be"),
    ],
)
def test_wrong_input_is_refused_in_words(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
