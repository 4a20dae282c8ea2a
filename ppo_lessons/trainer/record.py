"""What a run tells and keeps: a `Record` after each update, checkpoints, and the way back from them."""

import dataclasses
import os
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch

from ppo_lessons.baseline import explained_variance
from ppo_lessons.expectation import standard_error
from ppo_lessons.trainer import distributed, variants
from ppo_lessons.trainer.cuda_graph import capture_update
from ppo_lessons.trainer.distributions import distribution_of
from ppo_lessons.trainer.networks import threads_for
from ppo_lessons.validation import NonFiniteError, check_finite


@dataclass
class Record:
    """One update as numbers. Record 0 precedes any learning."""

    update: int
    env_steps: int
    seconds: float  # since training began
    mean_return: float = torch.nan  # of the episodes that ended in this update; nan where none did
    return_standard_error: float = torch.nan
    episodes: int = 0  # episodes that ended in this update
    kl: float = torch.nan  # mean KL(old || new) over the rollout's states, after the update
    clip_fraction: float = torch.nan  # share of ratios outside the band, over all minibatches; nan without a ratio
    entropy: float = torch.nan  # of the policy that played, mean over the rollout's states
    value_loss: float = torch.nan  # mean over all minibatches
    explained_variance: float = torch.nan  # of the critic, before it saw this rollout
    policy: torch.nn.Module = field(default=None, repr=False, compare=False)  # the live actor: observations -> [N, P]
    checkpoint: dict = field(default=None, repr=False, compare=False)  # all that `resume` needs

    def save(self, path):
        """Write all that `train(config, resume=path)` needs. Either the old file or the whole new one is there."""
        path = Path(path)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with unfinished.open("wb") as file:
                torch.save(self.checkpoint, file)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


class GradientStep(NamedTuple):
    """What one gradient step of an update leaves behind; each field a 0-d tensor."""

    gradient_norm: torch.Tensor  # before it was cut
    value_loss: torch.Tensor  # times this process's share of the minibatch
    clip_fraction: torch.Tensor | None  # likewise; None where there is no ratio

    @classmethod
    def of(cls, gradient_norm, value_loss, clipped, share):
        """From the minibatch's own mean loss, and [m] bool or None."""
        clip_fraction = None if clipped is None else share * clipped.float().mean()
        return cls(gradient_norm, share * value_loss.detach(), clip_fraction)


class Measured(NamedTuple):
    """What an update did, still as tensors on the device: nothing here waits for the device."""

    episode_returns: torch.Tensor  # [T * N] nan where no episode ended
    kl: torch.Tensor
    clip_fraction: torch.Tensor  # nan where there is no ratio
    entropy: torch.Tensor
    value_loss: torch.Tensor
    explained_variance: torch.Tensor
    gradient_norms: torch.Tensor  # [gradient steps]


@torch.no_grad()
def divergence(actor, batch):
    """[M] KL(old || new) in each state of the batches of all processes: how far the actor has moved since it played."""
    policy = distribution_of(batch.actions)
    return distributed.all_gather(policy.kl_divergence(batch.dist_params, actor(batch.observations)))


@torch.no_grad()
def measure(actor, rollout, batch, steps):
    """Look at an update once it is done, all processes together: `Measured`.

    Args:
        actor: after the update.
        rollout, batch: what it learned from.
        steps: a list of `GradientStep`.
    """
    norms, losses, clipped = zip(*steps, strict=True)
    kl = divergence(actor, batch)
    entropy = distributed.all_gather(distribution_of(batch.actions).entropy(batch.dist_params))
    values, targets = (distributed.all_gather(tensor) for tensor in (batch.values, batch.targets))
    fraction = kl.new_full((), torch.nan) if clipped[0] is None else distributed.all_reduce(torch.stack(clipped)).mean()
    return Measured(
        episode_returns=distributed.all_gather(rollout.episode_returns.flatten()),
        kl=kl.mean(),
        clip_fraction=fraction,
        entropy=entropy.mean(),
        value_loss=distributed.all_reduce(torch.stack(losses)).mean(),
        explained_variance=explained_variance(values, targets),
        gradient_norms=torch.stack(norms),
    )


def numbers(measured):
    """The numbers of a `Record` from what was measured.

    Raises:
        NonFiniteError: a gradient was not finite (a captured update cannot look while it runs).
    """
    check_finite(gradient_norm=measured.gradient_norms)
    returns = measured.episode_returns[~measured.episode_returns.isnan()]
    return {
        "mean_return": returns.mean().item(),
        "return_standard_error": standard_error(returns).item() if len(returns) > 1 else torch.nan,
        "episodes": len(returns),
        "kl": measured.kl.item(),
        "clip_fraction": measured.clip_fraction.item(),
        "entropy": measured.entropy.item(),
        "value_loss": measured.value_loss.item(),
        "explained_variance": measured.explained_variance.item(),
    }


class Run:
    """A training in progress: where it stands, its records, and all that a checkpoint holds.

    Args:
        config: `Config`; its `device` names where the run is.
        game, actor, critic, optimizer, generator: all that learning changes.

    Raises:
        ValueError: settings that this game or this number of processes cannot have.
    """

    def __init__(self, config, *, game, actor, critic, optimizer, generator):
        distributed.check_config(config)
        if config.capture and not game.on_device:
            raise ValueError("capture needs a torch game of this package")
        self.first_config, self.config = config, config  # as it began, and with today's price beta
        self.update, self.began = 0, time.perf_counter()
        self.game, self.actor, self.policy = game, actor, game.normalization.policy(actor)
        self.critic, self.optimizer, self.generator = critic, optimizer, generator
        self.captured = None

    @property
    def progress(self):
        """Share of the budget that is spent, from 0 to 1."""
        return self.update / self.config.updates

    def perform(self, update):
        """One update: call `update() -> Measured`, count it, and say what came of it.

        Raises:
            NonFiniteError: a loss, a reward or an observation became nan or infinite.
        """
        if self.config.capture and self.captured is None:
            self.captured = capture_update(update, game=self.game, optimizer=self.optimizer, generator=self.generator)
        try:
            with threads_for(self.game.observations.shape[1:]):
                found = numbers((self.captured or update)())
        except NonFiniteError as error:
            raise NonFiniteError(
                f"training stopped in update {self.update + 1}: {error}. If the game's rewards and observations are "
                f"finite and not huge, try a smaller learning_rate than {self.config.learning_rate}"
            ) from error
        self.update += 1
        self.config = dataclasses.replace(self.config, beta=variants.next_beta(self.config, found["kl"]))
        return self.record(**found)

    def record(self, **found):
        """A `Record` of now, with a copy of all that changes."""
        seconds = time.perf_counter() - self.began
        state = {
            "config": dataclasses.asdict(self.first_config),
            "update": self.update,
            "beta": self.config.beta,
            "seconds": seconds,
            "generator": self.generator.get_state(),
            **{name: part.state_dict() for name, part in self._parts().items()},
        }
        steps = self.update * self.config.batch_size
        return Record(self.update, steps, seconds, **found, policy=self.policy, checkpoint=snapshot(state))

    def resume(self, path):
        """Go on after the record that was saved there.

        Raises:
            ValueError: not a checkpoint, or one of other settings.
        """
        saved = load_checkpoint(path, self.first_config)
        if saved["game"] is None:
            warnings.warn(f"{self.config.env_id} cannot be saved in mid-game: fresh episodes begin", stacklevel=3)
        for name, part in self._parts().items():
            if saved[name] is not None:
                part.load_state_dict(saved[name])
        self.generator.set_state(saved["generator"].cpu())
        self.config = dataclasses.replace(self.config, beta=saved["beta"])
        self.update, self.began = saved["update"], self.began - saved["seconds"]

    def _parts(self):
        """All that has a state of its own."""
        return {
            "actor": self.actor,
            "critic": self.critic,
            "optimizer": self.optimizer,
            "game": self.game,
            "normalization": self.game.normalization,
        }


def snapshot(state):
    """A copy of nested dicts and lists of tensors that training will not change any more."""
    if isinstance(state, dict):
        return {name: snapshot(value) for name, value in state.items()}
    if isinstance(state, list):
        return [snapshot(value) for value in state]
    return state.clone() if isinstance(state, torch.Tensor) else state


def load_checkpoint(path, config):
    """Read what `Record.save` wrote, and refuse it if it belongs to other settings (a longer `total_steps` is fine)."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        before, now = saved["config"], dataclasses.asdict(config)
    except OSError:
        raise
    except Exception as error:  # PyTorch has a dozen ways to say that a file is not its own
        raise ValueError(f"{path} is not a checkpoint of this trainer") from error
    unknown = sorted(before.keys() ^ now.keys())
    if unknown:
        raise ValueError(f"{path} was saved by another version of this trainer: its settings differ by {unknown}")
    differ = [name for name in now if name != "total_steps" and now[name] != before[name]]
    if differ:
        told = ", ".join(f"{name} was {before[name]!r} and is {now[name]!r}" for name in differ)
        raise ValueError(f"{path} was saved by a run with other settings: {told}")
    return saved
