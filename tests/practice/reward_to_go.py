"""What learners may write for lesson 04."""

import numpy as np
import torch


def in_place(rewards, *, gamma):
    result = rewards.clone()
    for t in range(len(rewards) - 2, -1, -1):
        result[t] += gamma * result[t + 1]
    return result


def numpy_style(rewards, *, gamma):
    r = rewards.numpy()
    rows = [np.tensordot(gamma ** np.arange(len(r) - t), r[t:], axes=1) for t in range(len(r))]
    return np.array(rows)


def as_a_matrix(rewards, *, gamma):
    distance = torch.arange(len(rewards)) - torch.arange(len(rewards))[:, None]
    weights = torch.where(distance >= 0, gamma ** distance.clamp(min=0).to(rewards.dtype), 0.0)
    return torch.einsum("tk,k...->t...", weights, rewards)


def with_a_list(rewards, *, gamma):
    result, following = [], 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        result.insert(0, following)
    return result


def by_its_definition(rewards, *, gamma):
    return torch.stack(
        [sum(gamma ** (k - t) * rewards[k] for k in range(t, len(rewards))) for t in range(len(rewards))]
    )


RIGHT = {"my_reward_to_go": [in_place, numpy_style, as_a_matrix, with_a_list, by_its_definition]}


def backward(step, first=lambda r: 0 * r[0]):
    """Walks backwards: (what is passed on, what is noted) = step(reward, passed on, gamma)."""

    def my_reward_to_go(rewards, *, gamma):
        following, noted = first(rewards), []
        for t in range(len(rewards) - 1, -1, -1):
            following, note = step(rewards[t], following, gamma)
            noted.insert(0, note)
        return torch.stack(noted)

    return my_reward_to_go


def both(function):
    """What is passed on is what is noted."""
    return backward(lambda r, following, g: (function(r, following, g),) * 2)


def powers(rewards, gamma):
    """gamma^k for every step k, shaped to multiply the rewards."""
    return (gamma ** torch.arange(len(rewards), dtype=rewards.dtype)).reshape(-1, *[1] * (rewards.dim() - 1))


def later_sum(x):
    """Sum from each step to the last."""
    return x.flip(0).cumsum(0).flip(0)


def both_ends_subtracted(rewards, *, gamma):
    discounted = powers(rewards, gamma) * rewards
    return (discounted.sum(0) - discounted.cumsum(0) + discounted) / powers(rewards, gamma)


def forward_loop(rewards, *, gamma):
    result = rewards.clone()
    for t in range(1, len(rewards)):
        result[t] = rewards[t] + gamma * result[t - 1]
    return result


def near_rewards(rewards, *, gamma):
    result = rewards.clone()
    for t in range(len(rewards) - 1):
        result[t] = rewards[t] + gamma * rewards[t + 1]
    return result


def from_the_last_but_one(rewards, *, gamma):
    result = torch.zeros_like(rewards)
    for t in range(len(rewards) - 2, -1, -1):
        result[t] = rewards[t] + gamma * result[t + 1]
    return result


def down_to_one(result, rewards, gamma):
    following = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, 0, -1):
        following = rewards[t] + gamma * following
        result[t] = following
    return result


def to_the_end_of_the_row(rewards, *, gamma):
    if rewards.dim() == 1:
        return in_place(rewards, gamma=gamma)
    result = rewards.clone()
    for t in range(rewards.shape[1] - 2, -1, -1):
        result[:, t] += gamma * result[:, t + 1]
    return result


def along_the_columns(rewards, *, gamma):
    following, noted = torch.zeros_like(rewards[0]), []
    for reward in rewards.flip(-1):
        following = reward + gamma * following
        noted.append(following)
    return torch.stack(noted[::-1])


def one_tensor_many_times(rewards, *, gamma):
    following, noted = torch.zeros_like(rewards[0]), []
    for reward in rewards.flip(0):
        following *= gamma
        following += reward
        noted.append(following)
    return torch.stack(noted[::-1])


def powers_in_the_loop(power):
    """following = reward + gamma^power(t, T) * following."""

    def my_reward_to_go(rewards, *, gamma):
        following, noted = 0, []
        for t in reversed(range(len(rewards))):
            following = rewards[t] + gamma ** power(t, len(rewards)) * following
            noted.insert(0, following)
        return torch.stack(noted)

    return my_reward_to_go


WRONG = {
    "my_reward_to_go": {
        "loops forward": [
            forward_loop,
            lambda rewards, *, gamma: (powers(rewards, gamma) * rewards).cumsum(0),
        ],
        "gives every step the whole return": [
            lambda rewards, *, gamma: (powers(rewards, gamma) * rewards).sum(0).expand_as(rewards),
            lambda rewards, *, gamma: torch.ones_like(rewards) * rewards.sum(0, keepdim=True),
            one_tensor_many_times,
        ],
        "returns one number instead of one for each step": [
            lambda rewards, *, gamma: by_its_definition(rewards, gamma=gamma)[0],
            lambda rewards, *, gamma: sum(rewards),
        ],
        "discounts from the start of the play": [
            lambda rewards, *, gamma: later_sum(powers(rewards, gamma) * rewards),
            lambda rewards, *, gamma: powers(rewards, gamma) * in_place(rewards, gamma=gamma),
            lambda rewards, *, gamma: powers(rewards, gamma) * later_sum(rewards),
        ],
        "divides by a power of γ": [
            lambda rewards, *, gamma: later_sum(powers(rewards, gamma) * rewards) / powers(rewards, gamma),
            both_ends_subtracted,
        ],
        "discounts once too often": [
            both(lambda r, following, g: g * (r + following)),
            lambda rewards, *, gamma: gamma * as_a_matrix(rewards, gamma=gamma),
        ],
        "forgets γ": [
            both(lambda r, following, g: r + following),
            lambda rewards, *, gamma: rewards.sum(0) - rewards.cumsum(0) + rewards,
        ],
        "does not let γ grow with the distance": [
            both(lambda r, following, g: g * r + following),
            lambda rewards, *, gamma: rewards + gamma * (later_sum(rewards) - rewards),
        ],
        "discounts the reward of the step itself": [
            backward(lambda r, following, g: (r + g * following, g * (r + following))),
            lambda rewards, *, gamma: as_a_matrix(rewards, gamma=gamma) - (1 - gamma) * rewards,
        ],
        "multiplies the rewards by 1 − γ": [
            lambda rewards, *, gamma: in_place((1 - gamma) * rewards, gamma=gamma),
            lambda rewards, *, gamma: numpy_style(rewards, gamma=gamma) * (1 - gamma),
        ],
        "lets far rewards count more than near ones": [
            lambda rewards, *, gamma: later_sum(powers(rewards, gamma).flip(0) * rewards),
            lambda rewards, *, gamma: gamma * later_sum(powers(rewards, gamma).flip(0) * rewards),
        ],
        "leaves out the reward of the step itself": [
            backward(lambda r, following, g: (r + g * following, following)),
            lambda rewards, *, gamma: as_a_matrix(rewards, gamma=gamma) - rewards,
        ],
        "looks one step ahead only": [
            near_rewards,
            backward(lambda r, following, g: (r, r + g * following)),
        ],
        "returns the steps back to front": [
            lambda rewards, *, gamma: with_a_list(rewards, gamma=gamma)[::-1],
            lambda rewards, *, gamma: numpy_style(rewards, gamma=gamma)[::-1].copy(),
        ],
        "leaves out the last reward": [
            from_the_last_but_one,
            lambda rewards, *, gamma: in_place(torch.cat([rewards[:-1], 0 * rewards[-1:]]), gamma=gamma),
        ],
        "counts the last reward twice": [
            backward(lambda r, following, g: (r + g * following,) * 2, first=lambda r: r[-1]),
            lambda rewards, *, gamma: in_place(torch.cat([rewards, rewards[-1:]]), gamma=gamma)[:-1],
        ],
        "puts a power of γ into the recursion": [
            powers_in_the_loop(lambda t, T: t),
            powers_in_the_loop(lambda t, T: T - 1 - t),
        ],
        "never reaches step 0": [
            lambda rewards, *, gamma: down_to_one(torch.zeros_like(rewards), rewards, gamma),
            lambda rewards, *, gamma: down_to_one(rewards.clone(), rewards, gamma),
        ],
        "sums along the wrong axis": [
            to_the_end_of_the_row,
            along_the_columns,
            lambda rewards, *, gamma: in_place(rewards.transpose(0, -1), gamma=gamma).transpose(0, -1),
        ],
    }
}

EQUIVALENT = {"my_reward_to_go": {"following = torch.zeros_like(rewards[-1])"}}
