"""Random rollouts with many ends, for the tests of the advantages and of GAE."""

import torch


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def rollout(seed, steps=12, games=5):
    """Random numbers with many ends, where `next_values` is the next row of `values` unless the episode ended."""
    rewards, values, elsewhere = draw(3, steps, games, seed=seed)
    chance = torch.rand(2, steps, games, generator=torch.Generator().manual_seed(seed))
    terminated, truncated = chance < 0.2
    following = torch.cat([values[1:], elsewhere[-1:]])
    return rewards, values, torch.where(terminated | truncated, elsewhere, following), terminated, truncated
