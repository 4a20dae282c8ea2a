"""Lesson 07: all n-step advantages at once, the longer ones counting less."""

import itertools
import re

import pytest
import torch
from cases import draw, rollout

from ppo_lessons.advantage import n_step_advantage, td_error
from ppo_lessons.baseline import value_loss
from ppo_lessons.gae import gae

NEVER = torch.zeros(3, dtype=torch.bool)
AT_LAST = torch.tensor([False, False, True])
AT_ONE = torch.tensor([False, True, False])
# the running trajectory: right, right, right by day, with a critic that says (1, -1, 1), and 4 for what came last
RUN = {
    "rewards": torch.tensor([5.0, 0.0, -2.0]),
    "values": torch.tensor([1.0, -1.0, 1.0]),
    "next_values": torch.tensor([-1.0, 1.0, 4.0]),
}
PAIRS = [(1.0, 1.0), (0.99, 0.95), (0.9, 0.5), (1.0, 0.0), (0.0, 1.0), (0.5, 1.0)]  # gamma, lam


# numbers by hand


@pytest.mark.parametrize(
    ("terminated", "truncated", "next_value_at_one", "expected"),
    [
        # gamma = lam = 1/2, so gamma lam = 1/4
        # delta_0 = 5 - 1/2 - 1 = 7/2;  delta_1 = 0 + 1/2 + 1 = 3/2;  delta_2 = -2 + 4/2 - 1 = -1
        # A_2 = -1;  A_1 = 3/2 - 1/4 = 5/4;  A_0 = 7/2 + 5/16 = 61/16
        (NEVER, NEVER, 1.0, [61 / 16, 5 / 4, -1]),
        # a limit at the last step: the same, the end of the rollout is a cut that bootstraps
        (NEVER, AT_LAST, 1.0, [61 / 16, 5 / 4, -1]),
        # the world ends at the last step: delta_2 = -2 - 1 = -3;  A_1 = 3/2 - 3/4 = 3/4;  A_0 = 7/2 + 3/16 = 59/16
        (AT_LAST, NEVER, 1.0, [59 / 16, 3 / 4, -3]),
        # a limit at step 1, last observation worth 6 (the 1 belongs to the next episode):
        # delta_1 = 0 + 6/2 + 1 = 4 = A_1, nothing of A_2;  A_0 = 7/2 + 4/4 = 9/2
        (NEVER, AT_ONE, 6.0, [9 / 2, 4, -1]),
        # the world ends at step 1: delta_1 = 0 + 1 = 1 = A_1;  A_0 = 7/2 + 1/4 = 15/4
        (AT_ONE, NEVER, 6.0, [15 / 4, 1, -1]),
        # both flags at once: the end of the world wins
        (AT_ONE, AT_ONE, 6.0, [15 / 4, 1, -1]),
    ],
)
def test_by_hand(terminated, truncated, next_value_at_one, expected):
    next_values = torch.tensor([-1.0, next_value_at_one, 4.0])
    call = {**RUN, "next_values": next_values, "terminated": terminated, "truncated": truncated}
    assert gae(**call, gamma=0.5, lam=0.5).tolist() == expected


def test_weights_of_the_n_step_advantages():
    """lam = 0.9 gives 0.1, 0.09, 0.081, ... and the last one keeps what is left: here 0.9^3 = 0.729."""
    # four rewards and no critic: A^(n)_0 is the sum of the first n rewards, so reward k counts in A^(k+1), A^(k+2), ...
    zero, never = torch.zeros(4, dtype=torch.float64), torch.zeros(4, dtype=torch.bool)
    credit = [gae(row, zero, zero, never, never, gamma=1.0, lam=0.9)[0].item() for row in torch.eye(4).double()]
    weights = [a - b for a, b in itertools.pairwise([*credit, 0])]
    assert weights == pytest.approx([0.1, 0.09, 0.081, 0.729], abs=1e-15)


# gradients


def test_gradient_fades_by_gamma_lam_and_stops_at_an_end():
    """dA_t/dr_k = (gamma lam)^(k-t) inside one episode. Step 2 of five is a time limit."""
    cut = torch.tensor([False, False, True, False, False])

    def advantage(rewards):
        return gae(rewards, draw(5), draw(5), torch.zeros_like(cut), cut, gamma=0.5, lam=0.5)

    expected = [
        [1, 1 / 4, 1 / 16, 0, 0],
        [0, 1, 1 / 4, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 1 / 4],
        [0, 0, 0, 0, 1],
    ]
    assert torch.autograd.functional.jacobian(advantage, draw(5)).tolist() == expected


def test_no_gradient_through_the_value_after_the_end_of_the_world():
    rewards, values, next_values, terminated, truncated = rollout(0)
    next_values = next_values.masked_fill(terminated, torch.nan).requires_grad_()
    result = gae(rewards, values, next_values, terminated, truncated, gamma=0.9, lam=0.5)
    assert result.isfinite().all()
    result.sum().backward()
    assert (next_values.grad[terminated] == 0).all()
    assert (next_values.grad[~terminated] > 0).all()  # a time limit is not the end of the world


def test_passes_gradcheck():
    rewards, values, next_values, terminated, truncated = rollout(1, steps=5, games=2)
    inputs = [tensor.requires_grad_() for tensor in (rewards, values, next_values)]
    assert torch.autograd.gradcheck(lambda *x: gae(*x, terminated, truncated, gamma=0.9, lam=0.8), inputs)


def test_the_critics_target_is_data():
    rewards, values, next_values, terminated, truncated = rollout(2)
    values.requires_grad_()
    targets = gae(rewards, values, next_values, terminated, truncated, gamma=0.9, lam=0.8) + values
    value_loss(values, targets).backward()
    torch.testing.assert_close(values.grad, 2 * (values - targets).detach() / 60, rtol=0, atol=1e-15)


# the equations


@pytest.mark.parametrize(("gamma", "lam"), PAIRS)
@pytest.mark.parametrize("seed", [3, 4])
def test_three_ways_agree(seed, gamma, lam):
    """Backward recursion; double sum of TD errors; average of n-step advantages whose last weight is lam^(n-1)."""
    rewards, values, next_values, terminated, truncated = data = rollout(seed)
    assert (terminated & truncated).any() and (truncated & ~terminated).any() and not terminated[-1].all()
    backward = gae(*data, gamma=gamma, lam=lam)

    for t, k in itertools.product(range(12), range(5)):
        r, v, after = rewards[:, k].tolist(), values[:, k].tolist(), next_values[:, k].tolist()
        alive = [0.0 if end else 1.0 for end in terminated[:, k]]
        going = [0.0 if end else 1.0 for end in terminated[:, k] | truncated[:, k]]

        double_sum = 0.0
        for step in range(t, 12):
            factor = (gamma * lam) ** (step - t)
            for between in range(t, step):
                factor *= going[between]
            double_sum += factor * (r[step] + gamma * alive[step] * after[step] - v[step])
        assert backward[t, k].item() == pytest.approx(double_sum, abs=1e-13)

        n_step = []  # A^(1), A^(2), ... as rewards, then the critic, up to the end of the episode or of the rollout
        for n in range(1, 12 - t + 1):
            last = t + n - 1
            collected = sum(gamma**i * r[t + i] for i in range(n))
            n_step.append(collected + gamma**n * alive[last] * after[last] - v[t])
            if not going[last]:
                break
        weights = [(1 - lam) * lam**i for i in range(len(n_step))]
        weights[-1] = lam ** (len(n_step) - 1)
        assert sum(weights) == pytest.approx(1, abs=1e-14)
        average = sum(w * a for w, a in zip(weights, n_step, strict=True))
        assert backward[t, k].item() == pytest.approx(average, abs=1e-13)


# the lesson before


def test_without_lam_it_is_the_td_error():
    *data, truncated = rollout(5)
    assert torch.equal(gae(*data, truncated, gamma=0.9, lam=0.0), td_error(*data, gamma=0.9))


def test_with_lam_one_it_is_the_longest_n_step_advantage():
    data = rollout(6)
    torch.testing.assert_close(
        gae(*data, gamma=0.9, lam=1.0), n_step_advantage(*data, gamma=0.9, n=12), rtol=0, atol=1e-14
    )


# columns, cuts and joins


def test_games_do_not_mix():
    data = rollout(7)
    result = gae(*data, gamma=0.9, lam=0.8)
    for k in range(5):
        assert torch.equal(result[:, k], gae(*(tensor[:, k] for tensor in data), gamma=0.9, lam=0.8))
    shaped = [tensor[:, :4].reshape(12, 2, 2) for tensor in data]
    assert torch.equal(gae(*shaped, gamma=0.9, lam=0.8), result[:, :4].reshape(12, 2, 2))


@pytest.mark.parametrize("kind", [3, 4], ids=["terminated", "truncated"])
@pytest.mark.parametrize("cut", [1, 6, 11])
def test_cut_and_join_at_an_ended_step(kind, cut):
    data = rollout(8)
    data[kind][cut - 1] = True
    parts = [gae(*(tensor[part] for tensor in data), gamma=0.9, lam=0.8) for part in (slice(cut), slice(cut, 12))]
    assert torch.equal(gae(*data, gamma=0.9, lam=0.8), torch.cat(parts))


def test_end_of_the_rollout_is_a_time_limit_and_no_end_of_the_world():
    rewards, values, next_values, terminated, truncated = data = rollout(9)
    terminated[7] = truncated[7] = False
    short = gae(*(tensor[:8] for tensor in data), gamma=0.9, lam=0.8)
    flag = torch.zeros_like(terminated)
    flag[7] = True
    cut = gae(rewards, values, next_values, terminated, truncated | flag, gamma=0.9, lam=0.8)[:8]
    ended = gae(rewards, values, next_values, terminated | flag, truncated, gamma=0.9, lam=0.8)[:8]
    assert torch.equal(short, cut)
    torch.testing.assert_close(short[7] - ended[7], 0.9 * next_values[7], rtol=0, atol=1e-14)


def test_one_step_rollout():
    # 3 + 1/2 * 4 - 1 = 4 where it goes on, 3 - 1 = 2 where the world ended
    data = (torch.tensor([[3.0, 3.0]]), torch.ones(1, 2), torch.full((1, 2), 4.0), torch.tensor([[False, True]]))
    assert gae(*data, torch.zeros(1, 2, dtype=torch.bool), gamma=0.5, lam=0.9).tolist() == [[4, 2]]


def test_an_overflow_in_the_next_episode_does_not_leak():
    rewards, zero, ended = torch.tensor([1.0, 3e38, 3e38]), torch.zeros(3), torch.tensor([True, False, False])
    result = gae(rewards, zero, zero, NEVER, ended, gamma=1.0, lam=1.0)
    assert result.tolist() == pytest.approx([1.0, float("inf"), 3e38])


# another library


@pytest.mark.parametrize(("gamma", "lam"), PAIRS)
def test_agrees_with_torchrl(gamma, lam):
    from torchrl.objectives.value import functional

    rewards, values, next_values, terminated, truncated = data = rollout(10)
    # there: [..., T, 1], and `done` is either kind of end
    rewards, values, next_values, done, end = (
        tensor.T[..., None] for tensor in (rewards, values, next_values, terminated | truncated, terminated)
    )
    pair = torch.tensor([gamma, lam], dtype=torch.float64)
    advantage, target = functional.generalized_advantage_estimate(*pair, values, next_values, rewards, done, end)
    ours = gae(*data, gamma=gamma, lam=lam)
    torch.testing.assert_close(ours, advantage[..., 0].T, rtol=0, atol=1e-13)
    torch.testing.assert_close(ours + data[1], target[..., 0].T, rtol=0, atol=1e-13)


# wrong input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"values": torch.zeros(2)},
            "expected one shape, got rewards (3,), values (2,), next_values (3,), terminated (3,)",
        ),
        ({"next_values": torch.zeros(3, 1)}, "rewards (3,), values (3,), next_values (3, 1), terminated (3,)"),
        ({"terminated": NEVER[:2]}, "rewards (3,), values (3,), next_values (3,), terminated (2,)"),
        ({"truncated": NEVER[:2]}, "rewards (3,), truncated (2,)"),
        ({"rewards": [5.0, 0.0, -2.0]}, "rewards must be a torch tensor, got list"),
        ({"terminated": [False, False, True]}, "terminated must be a torch tensor, got list"),
        ({"terminated": torch.zeros(3)}, "terminated must be a bool tensor, got torch.float32"),
        ({"truncated": torch.zeros(3)}, "truncated must be a bool tensor, got torch.float32"),
        ({"truncated": torch.zeros(3, dtype=torch.uint8)}, "truncated must be a bool tensor, got torch.uint8"),
        ({"gamma": -0.1}, "gamma must lie in [0, 1], got -0.1"),
        ({"gamma": 1.1}, "gamma must lie in [0, 1], got 1.1"),
        ({"gamma": float("nan")}, "gamma must lie in [0, 1], got nan"),
        ({"lam": -0.1}, "lam must lie in [0, 1], got -0.1"),
        ({"lam": 1.1}, "lam must lie in [0, 1], got 1.1"),
        ({"lam": float("nan")}, "lam must lie in [0, 1], got nan"),
        ({"rewards": torch.tensor([0.0, torch.nan, 0.0])}, "rewards must be finite, got nan in shape (3,)"),
        ({"values": torch.tensor([0.0, -torch.inf, 0.0])}, "values must be finite, got -inf in shape (3,)"),
        ({"next_values": torch.tensor([torch.nan, 0.0, 0.0])}, "next_values must be finite, got nan in shape (3,)"),
        (
            dict.fromkeys(RUN, torch.zeros(0, 2)) | dict.fromkeys(["terminated", "truncated"], torch.zeros(0, 2) > 0),
            "expected at least one element, got rewards (0, 2)",
        ),
        (
            dict.fromkeys(RUN, torch.tensor(0.0)) | dict.fromkeys(["terminated", "truncated"], torch.tensor(False)),
            "a shape [T, ...] is needed, got rewards ()",
        ),
    ],
)
def test_refuses(change, message):
    call = {**RUN, "terminated": AT_LAST, "truncated": NEVER, "gamma": 0.5, "lam": 0.5, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        gae(**call)


def test_a_value_at_a_time_limit_must_be_finite():
    """Only the end of the world makes the next value meaningless."""
    next_values = torch.tensor([-1.0, torch.nan, 4.0])
    with pytest.raises(ValueError, match="next_values must be finite, got nan"):
        gae(RUN["rewards"], RUN["values"], next_values, NEVER, AT_ONE, gamma=0.5, lam=0.5)
