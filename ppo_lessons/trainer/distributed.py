"""Several processes, one run: `torchrun --nproc-per-node=2 -m ppo_lessons.ppo ...` trains data-parallel.

Each process plays its shard of the games and learns from its part of each minibatch; then the gradients are summed.
It draws the random numbers of all games and keeps its own, so that the number of processes does not show in the result.
With one process every function here gives back what it was given.
"""

import contextlib
import dataclasses
import datetime
import os
from typing import NamedTuple

import torch

TIMEOUT = datetime.timedelta(minutes=5)  # how long one process waits for the others


class World(NamedTuple):
    """Which process this is, and of how many."""

    rank: int = 0
    size: int = 1


world = World()


@contextlib.contextmanager
def processes(device):
    """Join the processes that torchrun started, as long as this lasts. Without torchrun nothing happens.

    Args:
        device: "cpu" (they talk by gloo) or "cuda" (by nccl, one GPU each).

    Raises:
        ValueError: more processes than GPUs.
    """
    global world
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield
        return
    if device == "cuda":
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if here > torch.cuda.device_count():
            raise ValueError(f"{here} processes need {here} GPUs, found {torch.cuda.device_count()}")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    with _others_may_be_gone():
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=TIMEOUT)
    world = World(torch.distributed.get_rank(), size)
    try:
        yield
    finally:
        world = World()
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _others_may_be_gone():
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConnectionError(f"process {world.rank} waits in vain for the others: {reason}") from error


def check_config(config):
    """All processes have the same settings, and settings that can be shared out.

    Raises:
        ValueError: they do not; every process says so.
    """
    if world.size == 1:
        return
    settings = [None] * world.size
    with _others_may_be_gone():
        torch.distributed.all_gather_object(settings, dataclasses.asdict(config))
    for rank, theirs in enumerate(settings):
        for name, value in theirs.items():
            if value != settings[0][name]:
                told = f"{name} is {settings[0][name]!r} in process 0 and {value!r} in process {rank}"
                raise ValueError(f"all processes need the same settings: {told}")
    if config.num_envs % world.size:
        raise ValueError(f"num_envs = {config.num_envs} must be a multiple of the {world.size} processes")
    if config.objective == "trust_region" or config.whole_episodes:
        told = f"objective {config.objective!r} with advantage_estimator {config.advantage_estimator!r}"
        raise ValueError(f"{told} trains in one process only")
    if config.normalize == "minibatch":
        raise ValueError('normalize "minibatch" trains in one process only')
    if config.normalize_observations or config.normalize_rewards:
        raise ValueError("normalize_observations and normalize_rewards train in one process only")
    if config.capture:
        raise ValueError("capture needs a single process")


def shard_of(total):
    """First index and number of this process's shard of `total` things."""
    count = total // world.size
    return world.rank * count, count


def shard(tensor):
    """This process's shard of a tensor that is about all games: [N, ...] -> [N / processes, ...]."""
    if world.size == 1:
        return tensor
    return tensor.narrow(0, *shard_of(len(tensor)))


def unshard(tensor):
    """This process's shard in its place among zeros for the other games: [N / processes, ...] -> [N, ...]."""
    if world.size == 1:
        return tensor
    whole = tensor.new_zeros(len(tensor) * world.size, *tensor.shape[1:])
    shard(whole).copy_(tensor)
    return whole


def all_gather(tensor):
    """The shards of all processes, one after the other: [n, ...] -> [n * processes, ...]. No gradient flows through."""
    if world.size == 1:
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(world.size)]
    with _others_may_be_gone():
        torch.distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def all_reduce(tensor):
    """The sum over all processes, in place."""
    if world.size > 1:
        with _others_may_be_gone():
            torch.distributed.all_reduce(tensor)
    return tensor


def over_all(function, tensor):
    """A function of the steps of all processes together, this process's shard of its result: [n, ...] -> [n, ...]."""
    return shard(function(all_gather(tensor)))


def members(chosen, games):
    """Which members of a minibatch this process holds, and their share of the whole minibatch.

    Args:
        chosen: [M] steps of the whole rollout [T, N], numbered row by row.
        games: N / processes, games that this process plays.

    Returns:
        [m] the same steps, numbered in the process's own rollout [T, N / processes], and the float m / M. Where m = 0,
        some step with the share 0 stands in, so that every process takes part in every sum of gradients.
    """
    if world.size == 1:
        return chosen, 1.0
    step, game = chosen // (games * world.size), chosen % (games * world.size) - world.rank * games
    held = (game >= 0) & (game < games)
    own = (step * games + game)[held]
    return (own, len(own) / len(chosen)) if len(own) else (torch.zeros_like(chosen[:1]), 0.0)


def all_reduce_gradients(parameters, share):
    """Each gradient becomes the sum over all processes of share times gradient.

    The mean over a minibatch is the sum over processes of (own members / all members) times the mean over the own ones.
    """
    if world.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    total = all_reduce(share * torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, total.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
