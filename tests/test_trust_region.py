"""TRPO's step against a dense solve, and the limit that it promises."""

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.trust_region import conjugate_gradient, fisher_product, trust_region_step

GENERATOR = torch.Generator().manual_seed(0)


def problem(states=4, seed=0):
    """A softmax table [states, 3], and an exact surrogate over all of its actions."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(states, 3, generator=generator, dtype=torch.float64)
    advantages = torch.randn(states, 3, generator=generator, dtype=torch.float64)
    old = logits.clone()
    logits.requires_grad_()

    def objective():
        ratio = (logits.log_softmax(-1) - old.log_softmax(-1)).exp()
        return (old.softmax(-1) * ratio * advantages).sum(-1).mean()

    def kl():
        return kl_divergence(old, logits).mean()

    return logits, old, objective, kl


def dense_fisher(old):
    """F of a softmax table by its formula: (diag(pi) - pi pi^T) / states in each state's block."""
    blocks = [torch.diag(pi) - torch.outer(pi, pi) for pi in old.softmax(-1)]
    return torch.block_diag(*blocks) / len(blocks)


def test_fisher_product_equals_the_formula():
    logits, old, _, kl = problem()
    vector = torch.randn(12, generator=GENERATOR, dtype=torch.float64)
    got = fisher_product(kl, [logits], vector, damping=0.1)
    assert torch.allclose(got, dense_fisher(old) @ vector + 0.1 * vector, atol=1e-12)


def test_conjugate_gradient_by_hand():
    # [[2, 0], [0, 4]] x = [2, 2]  ->  x = [1, 1/2], exact after two iterations
    matrix, target = torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([2.0, 2.0])
    assert torch.allclose(conjugate_gradient(lambda v: matrix @ v, target, iterations=2), torch.tensor([1.0, 0.5]))
    first = conjugate_gradient(lambda v: matrix @ v, target, iterations=1)  # 8/24 = 1/3 of b
    assert torch.allclose(first, target / 3)
    assert torch.equal(conjugate_gradient(lambda v: matrix @ v, torch.zeros(2), iterations=5), torch.zeros(2))


def conjugate_directions(matrix, target, iterations):
    """The directions that the solver asks about, [iterations, P], and its solution."""
    asked = []

    def product(direction):
        asked.append(direction)
        return matrix @ direction

    solution = conjugate_gradient(product, target, iterations=iterations)
    return torch.stack(asked), solution


def test_directions_in_two_dimensions_by_hand():
    # F = [[2, 1], [1, 2]], b = (1, 0): d0 = b, its image (2, 1), length 1/2 -> x = (1/2, 0), left over (0, -1/2);
    # d1 = (0, -1/2) + 1/4 d0 = (1/4, -1/2), its image (0, -3/4), length (1/4) / (3/8) = 2/3 -> x = (2/3, -1/3)
    matrix, target = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([1.0, 0.0])
    directions, solution = conjugate_directions(matrix, target, 2)
    assert directions.tolist() == [[1.0, 0.0], [0.25, -0.5]]
    assert (directions[0] @ matrix @ directions[1]).item() == 0
    assert torch.allclose(solution, torch.tensor([2 / 3, -1 / 3]))


def test_no_direction_is_needed_twice():
    generator = torch.Generator().manual_seed(3)
    root = torch.randn(8, 8, generator=generator, dtype=torch.float64)
    matrix, target = root @ root.T + torch.eye(8), torch.randn(8, generator=generator, dtype=torch.float64)
    directions, solution = conjugate_directions(matrix, target, 5)
    products = directions @ matrix @ directions.T
    assert torch.allclose(products, products.diag().diag(), atol=1e-9)  # conjugate
    assert torch.allclose(directions @ (target - matrix @ solution), torch.zeros(5, dtype=torch.float64), atol=1e-9)


def test_direction_solves_the_system_of_a_dense_solve():
    logits, old, objective, kl = problem()
    (gradient,) = torch.autograd.grad(objective(), logits)
    dense = dense_fisher(old) + 0.01 * torch.eye(12, dtype=torch.float64)
    expected = torch.linalg.solve(dense, gradient.flatten())
    got = conjugate_gradient(lambda v: fisher_product(kl, [logits], v, damping=0.01), gradient.flatten(), iterations=12)
    assert torch.allclose(got, expected, atol=1e-8)


@pytest.mark.parametrize("max_kl", [1e-4, 0.01, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_the_step_obeys_the_limit_and_improves(max_kl, seed):
    logits, old, objective, kl = problem(seed=seed)
    before = objective().item()
    step = trust_region_step([logits], objective, kl, max_kl=max_kl, damping=1e-3)
    assert step.accepted
    assert step.kl == pytest.approx(kl_divergence(old, logits).mean().item())
    assert max_kl / 8 < step.kl <= max_kl  # and it uses what it may
    assert objective().item() - before == pytest.approx(step.improvement)
    assert step.improvement > 0


def test_for_a_small_limit_the_first_trial_reaches_it():
    logits, _, objective, kl = problem()
    step = trust_region_step([logits], objective, kl, max_kl=1e-8, damping=0.0)
    assert step.backtracks <= 1
    assert step.kl == pytest.approx(1e-8 * 0.25**step.backtracks, rel=1e-2)


def test_no_step_is_taken_where_nothing_can_be_gained():
    logits, old, _, kl = problem()
    step = trust_region_step([logits], lambda: logits.sum() * 0, kl, max_kl=0.01, damping=0.1)
    assert not step.accepted
    assert torch.equal(logits, old)


def test_a_step_that_only_seems_to_improve_is_taken_back():
    logits, old, _, kl = problem()

    def misleading():  # rises at the old policy, falls everywhere else
        return -(logits - old).abs().sum() + ((logits - old) * torch.ones_like(old)).sum() * 1e-3

    step = trust_region_step([logits], misleading, kl, max_kl=0.01, damping=0.1)
    assert not step.accepted
    assert torch.allclose(logits, old, atol=0)


def test_on_the_corridor_the_true_return_rises():
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    tables = world.tables(policy, gamma=1.0)
    advantages = tables.action_values - tables.values[:-1, :12, None]
    weight = (world.visits(policy)[..., None] * policy.softmax(-1)).flatten()
    logits = policy.clone().requires_grad_()

    def objective():
        new, old = (table.log_softmax(-1).expand(6, -1, -1).flatten() for table in (logits, policy))
        return surrogate_objective(new, old, advantages.flatten() * weight * len(weight))

    def kl():
        return (world.visits(policy).sum(0) * kl_divergence(policy, logits)).sum() / world.visits(policy).sum()

    step = trust_region_step([logits], objective, kl, max_kl=0.01, damping=1e-3)
    assert step.accepted
    assert world.start_value(logits) > world.start_value(policy) + 0.2


@pytest.mark.parametrize(("name", "value"), [("max_kl", 0.0), ("max_kl", float("nan")), ("damping", -1.0)])
def test_wrong_numbers_are_refused(name, value):
    logits, _, objective, kl = problem()
    settings = {"max_kl": 0.01, "damping": 0.1} | {name: value}
    with pytest.raises(ValueError, match=name):
        trust_region_step([logits], objective, kl, **settings)
