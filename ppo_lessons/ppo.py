"""Lesson 12. Proximal Policy Optimization: collect, judge, improve, again.

This page holds no formula of its own. Each one is imported from the lesson that derives it.
"""

import argparse
import contextlib
import dataclasses
import math
import os
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import gymnasium
import torch

from ppo_lessons.advantage import normalize, td_error
from ppo_lessons.baseline import explained_variance, subtract_baseline, value_loss
from ppo_lessons.clip import clipped_objective
from ppo_lessons.expectation import standard_error
from ppo_lessons.gae import gae
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.kl_penalty import adapt_beta, penalized_objective
from ppo_lessons.log_trick import score_objective
from ppo_lessons.reward_to_go import reward_to_go
from ppo_lessons.trainer import distributed as parallel
from ppo_lessons.trainer.cuda_graph import Captured
from ppo_lessons.trainer.distributions import distribution, distribution_of, for_the_game
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.normalization import Normalization
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.rollout import Game, collect, whole_plays
from ppo_lessons.trust_region import trust_region_step
from ppo_lessons.validation import NonFiniteError, check_finite, check_not_negative, check_positive, check_unit_interval

MONTE_CARLO = ("total_return", "reward_to_go", "baseline")  # weights that need the end of the episode
WEIGHTS = (*MONTE_CARLO, "td_error", "gae")
RATIO = ("clip", "penalty")  # objectives that use a rollout for several epochs; the others take one step
OBJECTIVES = ("score", "trust_region", *RATIO)


@dataclass(frozen=True)
class Config:
    """Every number of a run, once. The defaults solve CartPole."""

    env_id: str = "ppo_lessons/CartPole-v1"  # any Gymnasium id with Box observations and Discrete or Box actions
    seed: int = 0
    device: str = "auto"  # "cpu", "cuda", or "auto": cuda where there is one
    total_steps: int = 100_000  # environment steps; the last, incomplete update is left out
    num_envs: int = 64  # N, games played side by side, in all processes together
    num_steps: int = 32  # T, steps of each game in one rollout
    epochs: int = 4  # times that a rollout is used
    minibatches: int = 4  # pieces that a rollout is cut into, anew in each epoch
    learning_rate: float = 5e-3  # of Adam at the start; falls linearly to 0
    gamma: float = 0.99
    lam: float = 0.95
    weights: str = "gae"  # what each step is multiplied by, one of WEIGHTS
    normalize: bool = True  # shift and scale the weights of a rollout; the shift is a baseline
    objective: str = "clip"  # one of OBJECTIVES
    epsilon: float = 0.2  # of "clip"; inf is importance sampling without a leash
    beta: float = 1.0  # of "penalty", the price of one nat
    kl_target: float = 0.0  # above 0, beta adapts to it after each update
    max_kl: float = 0.01  # of "trust_region"
    damping: float = 0.1  # of "trust_region"
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    max_grad_norm: float = 0.5
    hidden: int = 64  # width of both hidden layers
    capture: bool = False  # record an update of a torch game once as a CUDA graph, and replay it
    normalize_observations: bool = False  # NumPy games: each number of an observation to mean 0, variance 1
    normalize_rewards: bool = False  # NumPy games: rewards in standard deviations of the discounted return

    def __post_init__(self):
        for name in ("total_steps", "num_envs", "num_steps", "epochs", "minibatches", "hidden"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise ValueError(f"{name} must be an integer of at least 1, got {getattr(self, name)!r}")
        if not (isinstance(self.seed, int) and self.seed >= 0):
            raise ValueError(f"seed must be an integer of at least 0, got {self.seed!r}")
        if self.batch_size < 2 or self.batch_size % self.minibatches:
            raise ValueError(
                f"num_envs * num_steps = {self.batch_size} must be at least 2 and a multiple of "
                f"minibatches = {self.minibatches}"
            )
        if self.updates < 1:
            raise ValueError(f"total_steps = {self.total_steps} is less than one rollout of {self.batch_size} steps")
        for name, known in (("objective", OBJECTIVES), ("weights", WEIGHTS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.capture and (self.objective == "trust_region" or self.weights in MONTE_CARLO or self.kl_target > 0):
            raise ValueError(
                "capture needs an update that is the same program each time: neither the trust region, nor weights of "
                "whole episodes, nor a kl_target"
            )
        check_unit_interval(gamma=self.gamma, lam=self.lam)
        for name in ("learning_rate", "max_grad_norm", "max_kl"):
            check_positive(**{name: getattr(self, name)})
        for name in ("epsilon", "beta", "kl_target", "damping", "entropy_weight", "value_weight"):
            check_not_negative(**{name: getattr(self, name)})

    @property
    def batch_size(self):
        """Steps in one rollout, all games together."""
        return self.num_envs * self.num_steps

    @property
    def updates(self):
        """Rollouts that fit into the budget."""
        return self.total_steps // self.batch_size


# What each step of the course buys: the same trainer with other settings. The first three need whole episodes, and so
# they play few games for long. Without a critic nothing may shift the weights: `normalize` would be a baseline.
SCORE = {"objective": "score"}
EPISODES = {**SCORE, "num_envs": 4, "num_steps": 512}
ALGORITHMS = {
    "reinforce": {**EPISODES, "weights": "total_return", "normalize": False, "value_weight": 0.0},
    "reward-to-go": {**EPISODES, "weights": "reward_to_go", "normalize": False, "value_weight": 0.0},
    "baseline": {**EPISODES, "weights": "baseline"},
    "a2c": {**SCORE, "num_steps": 8, "weights": "td_error"},
    "gae": {**SCORE, "num_steps": 8},
    "importance-sampling": {"epsilon": math.inf},
    "trpo": {"objective": "trust_region"},
    "ppo-penalty": {"objective": "penalty"},
    "ppo-penalty-adaptive": {"objective": "penalty", "kl_target": 0.01},
    "ppo-clip": {},
}


# What the command line sets for a game, in torch or in NumPy; other games begin with the defaults. All Pendulums end
# together, every 200 steps: with rollouts of 200 steps each update sees whole episodes and not one phase of them.
GAMES = {
    "Acrobot-v1": {"total_steps": 200_000},
    "Pendulum-v1": {
        "total_steps": 300_000,
        "num_envs": 32,
        "num_steps": 200,
        "epochs": 10,
        "minibatches": 10,
        "learning_rate": 3e-3,
        "gamma": 0.95,
        "entropy_weight": 0.0,
    },
}


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


def train(config, *, resume=None):
    """Train by PPO and yield a `Record` after each update; the caller drives.

    The first record precedes any learning. With `resume`, a path written by `Record.save`, training goes on after
    that record: games on the device continue exactly, other games begin fresh episodes.

    Raises:
        ValueError: a game that the trainer cannot play, or a checkpoint of other settings.
        NonFiniteError: a loss, a reward or an observation became nan or infinite.

    >>> [record.update for record in train(Config(total_steps=4096, device="cpu"))]
    [0, 1, 2]
    """
    device = choose_device(config.device)
    config = dataclasses.replace(config, device=str(device))  # a checkpoint says where it was written
    generator = torch.Generator(device).manual_seed(config.seed)
    parallel.check_alike(config)
    normalization = Normalization(
        observations=config.normalize_observations, rewards=config.normalize_rewards, gamma=config.gamma
    )
    game = Game(config.env_id, config.num_envs, device=device, seed=config.seed, normalization=normalization)
    with contextlib.closing(game):
        if config.capture and not (game.on_device and parallel.team.size == 1):
            raise ValueError("capture needs a torch game of this package and a single process")
        weights = torch.Generator().manual_seed(config.seed)
        spaces = game.observation_space, game.action_space
        with one_thread():  # the number of threads must not show in the weights' last digits
            actor, critic = actor_and_critic(*spaces, config.hidden, generator=weights)
        actor, critic = actor.to(device), critic.to(device)
        policy = normalization.policy(actor)
        optimizer = Adam([*actor.parameters(), *critic.parameters()], lr=config.learning_rate, eps=1e-5)
        update, beta, began = 0, config.beta, time.perf_counter()

        def record(**numbers):
            seconds = time.perf_counter() - began
            state = {
                "config": dataclasses.asdict(config),
                "update": update,
                "beta": beta,
                "seconds": seconds,
                "actor": actor.state_dict(),
                "critic": critic.state_dict(),
                "optimizer": optimizer.state_dict(),
                "generator": generator.get_state(),
                "game": game.state_dict(),
                "normalization": normalization.state_dict(),
            }
            steps = update * config.batch_size
            return Record(update, steps, seconds, **numbers, policy=policy, checkpoint=snapshot(state))

        if resume is None:
            yield record()
        else:
            saved = load_checkpoint(resume, config)
            actor.load_state_dict(saved["actor"])
            critic.load_state_dict(saved["critic"])
            optimizer.load_state_dict(saved["optimizer"])
            generator.set_state(saved["generator"].cpu())
            normalization.load_state_dict(saved["normalization"])
            update, beta, began = saved["update"], saved["beta"], began - saved["seconds"]
            if saved["game"] is None:
                warnings.warn(f"{config.env_id} cannot be saved in mid-game: fresh episodes begin", stacklevel=2)
            else:
                game.load_state_dict(saved["game"])

        def collect_and_improve():
            rollout = collect(game, actor, config.num_steps, generator=generator)
            return improve(actor, critic, optimizer, rollout, config, beta=beta, generator=generator)

        if config.capture:
            optimizer.param_groups[0]["lr"] = torch.tensor(config.learning_rate, device=device)
            collect_and_improve = captured(collect_and_improve, game, generator)

        while update < config.updates:
            optimizer.set_learning_rate(config.learning_rate * (1 - update / config.updates))
            try:
                with one_thread():
                    if config.weights in MONTE_CARLO:
                        game.begin()
                    numbers = summary(collect_and_improve())
            except NonFiniteError as error:
                raise NonFiniteError(
                    f"training stopped in update {update + 1}: {error}. If the game's rewards and observations are "
                    f"finite and not huge, try a smaller learning_rate than {config.learning_rate}"
                ) from error
            update += 1
            if config.kl_target > 0:
                beta = adapt_beta(beta, numbers["kl"], target=config.kl_target)
            yield record(**numbers)


def judge(rollout, values, next_values, config):
    """What each step is multiplied by, and what the critic should have said: weights and targets, both [T, N]."""
    flags = rollout.terminated, rollout.truncated
    if config.weights == "gae":
        advantages = gae(rollout.rewards, values, next_values, *flags, gamma=config.gamma, lam=config.lam)
        return advantages, advantages + values
    if config.weights == "td_error":
        advantages = td_error(rollout.rewards, values, next_values, rollout.terminated, gamma=config.gamma)
        return advantages, advantages + values
    returns = reward_to_go(rollout.rewards, gamma=config.gamma)
    if config.weights == "baseline":
        return subtract_baseline(returns, values), returns
    if config.weights == "total_return":
        return returns[0].expand_as(returns), returns
    return returns, returns


def total_loss(objective, bonus, critic_loss, config):
    """What the optimiser minimises. Here alone a sign is turned: the objective and the entropy bonus are maximised."""
    return -objective - config.entropy_weight * bonus + config.value_weight * critic_loss


def descend(optimizer, loss, config, share=1.0):
    """One gradient step, the gradient no longer than `max_grad_norm`.

    With several processes the gradient is the sum of theirs, each times its share of the steps behind the loss.
    """
    optimizer.zero_grad()
    loss.backward()
    parameters = optimizer.param_groups[0]["params"]
    parallel.add_up_gradients(parameters, share)
    norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
    check_finite(gradient_norm=norm)
    optimizer.step()
    return norm


def improve(actor, critic, optimizer, rollout, config, *, beta, generator):
    """Judge every action of a rollout, then take `epochs * minibatches` gradient steps.

    With "score" and "trust_region" the policy takes its one step first, and the minibatches train the critic alone.

    Returns:
        dict: what `summary` makes the numbers of a `Record` from, tensors on the device.
    """
    policy, ended = distribution_of(rollout.actions), rollout.episode_returns
    if config.weights in MONTE_CARLO:
        rollout = whole_plays(rollout)
    with torch.no_grad():
        values = critic(rollout.observations).squeeze(-1)
        next_values = critic(rollout.next_observations).squeeze(-1)
        weights, targets = judge(rollout, values, next_values, config)
        old_logp = policy.log_probability(rollout.parameters, rollout.actions)
    recorded = rollout.observations, rollout.actions, rollout.parameters, old_logp, weights, targets, values
    if config.weights in MONTE_CARLO:
        batch = [tensor[rollout.mask] for tensor in recorded]
    else:
        batch = [tensor.flatten(0, 1) for tensor in recorded]
    observations, actions, old_parameters, old_logp, weights, targets, values = batch
    if config.normalize:
        weights = parallel.mine(normalize(parallel.everyone(weights)))
    if config.objective == "trust_region":
        trust_region_step(
            actor.parameters(),
            lambda: surrogate_objective(policy.log_probability(actor(observations), actions), old_logp, weights),
            lambda: policy.kl_divergence(old_parameters, actor(observations)).mean(),
            max_kl=config.max_kl,
            damping=config.damping,
        )
    elif config.objective == "score":  # each step counts as a play of one step: a mean over steps
        parameters = actor(observations)
        objective = score_objective(policy.log_probability(parameters, actions)[None], weights[None])
        loss = total_loss(objective, policy.entropy(parameters).mean(), 0.0, config)
        descend(optimizer, loss, config, share=1 / parallel.team.size)
    losses, clipped, norms = [], [], []
    for _ in range(config.epochs):
        order = torch.randperm(len(actions) * parallel.team.size, generator=generator, device=values.device)
        for minibatch in order.chunk(config.minibatches):
            chosen, share = parallel.members(minibatch, rollout.rewards.shape[1])
            objective, bonus = 0.0, 0.0
            if config.objective in RATIO:
                parameters = actor(observations[chosen])
                logp = policy.log_probability(parameters, actions[chosen])
                old, weight = old_logp[chosen], weights[chosen]
                objective, _, outside = clipped_objective(logp, old, weight, epsilon=config.epsilon)
                if config.objective == "penalty":
                    kl = policy.kl_divergence(old_parameters[chosen], parameters)
                    objective = penalized_objective(logp, old, weight, kl, beta=beta)
                bonus = policy.entropy(parameters).mean()
                clipped.append(share * outside.float().mean())
            critic_loss = value_loss(critic(observations[chosen]).squeeze(-1), targets[chosen])
            norms.append(descend(optimizer, total_loss(objective, bonus, critic_loss, config), config, share))
            losses.append(share * critic_loss.detach())
    with torch.no_grad():
        moved = policy.kl_divergence(old_parameters, actor(observations))
    ended, moved, undecided, values, targets = map(
        parallel.everyone, (ended.flatten(), moved, policy.entropy(old_parameters), values, targets)
    )
    return {
        "episode_returns": ended,
        "kl": moved.mean(),
        "clip_fraction": parallel.add_up(torch.stack(clipped)).mean() if clipped else None,
        "entropy": undecided.mean(),
        "value_loss": parallel.add_up(torch.stack(losses)).mean(),
        "explained_variance": explained_variance(values, targets),
        "gradient_norms": torch.stack(norms),
    }


def summary(improved):
    """The numbers of a `Record` from the tensors of `improve`."""
    ended, norms = improved["episode_returns"], improved["gradient_norms"]
    check_finite(gradient_norm=norms)  # a captured update cannot look while it runs
    returns = ended[~ended.isnan()]
    scalars = {name: tensor for name, tensor in improved.items() if name not in ("episode_returns", "gradient_norms")}
    return {
        "mean_return": returns.mean().item(),
        "return_standard_error": standard_error(returns).item() if len(returns) > 1 else torch.nan,
        "episodes": len(returns),
        **{name: torch.nan if tensor is None else tensor.item() for name, tensor in scalars.items()},
    }


def captured(collect_and_improve, game, generator):
    """The same update, recorded and replayed: see `ppo_lessons.trainer.cuda_graph`."""
    held = [(game, "observations"), (game, "returns"), (game.envs, "state"), (game.envs, "elapsed")]
    generators = [generator, game.envs.generator]
    return Captured(collect_and_improve, device=game.device, generators=generators, held=held)


@torch.no_grad()
def evaluate(policy, env_id, *, episodes, seed):
    """Play greedy episodes (the most likely action, always) in Gymnasium's own version of the game.

    Args:
        policy: observations [N, ...] -> parameters [N, P] (logits, or means and log standard deviations), for instance
            `Record.policy`.
        env_id: a Gymnasium id; for a torch game of this package its twin in Gymnasium is played.
        episodes: how many, played side by side; episode i is seeded with seed + i.
        seed: an integer.

    Returns:
        [episodes] the return of each, in reward units.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    envs = gymnasium.make_vec(env_id, episodes, vectorization_mode="sync")
    with contextlib.closing(envs), one_thread():
        observations, _ = envs.reset(seed=seed)
        returns = torch.zeros(episodes, dtype=torch.float64)
        playing = torch.ones(episodes, dtype=torch.bool)
        while playing.any():
            actions = greedy(policy, observations, envs.single_action_space)
            observations, rewards, terminated, truncated, _ = envs.step(actions)
            returns += torch.as_tensor(rewards).masked_fill(~playing, 0)
            playing &= ~torch.as_tensor(terminated | truncated)
    return returns


@torch.no_grad()
def play(policy, env_id, *, seed):
    """Play one greedy episode in Gymnasium's own version of the game and film it: a list of RGB arrays [H, W, 3]."""
    no_screen = patch.dict(os.environ, SDL_VIDEODRIVER="dummy")  # a film needs none, and SDL complains if there is none
    with no_screen, contextlib.closing(gymnasium.make(env_id, render_mode="rgb_array")) as env, one_thread():
        observation, _ = env.reset(seed=seed)
        frames, ended = [env.render()], False
        while not ended:
            action = greedy(policy, observation[None], env.action_space)[0]
            observation, _, terminated, truncated, _ = env.step(action)
            frames.append(env.render())
            ended = terminated or truncated
    return frames


def greedy(policy, observations, action_space):
    """The policy's most likely actions, as NumPy games take them."""
    device = next((p.device for p in policy.parameters()), None) if isinstance(policy, torch.nn.Module) else None
    parameters = policy(torch.tensor(observations, dtype=torch.get_default_dtype(), device=device))
    return for_the_game(distribution(action_space).greedy(parameters), action_space)


def choose_device(name):
    """The torch device called `name`; "auto" is cuda where there is one, else cpu."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.Generator(name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'device must be "auto", "cpu", or "cuda" where PyTorch finds a GPU, got {name!r}') from error
    return torch.device(name)


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
    differ = [name for name in now if name != "total_steps" and now[name] != before.get(name)]
    if differ:
        told = ", ".join(f"{name} was {before.get(name)!r} and is {now[name]!r}" for name in differ)
        raise ValueError(f"{path} was saved by a run with other settings: {told}")
    return saved


@contextlib.contextmanager
def one_thread():
    """Small networks are no faster on two threads, and far slower beside a busy process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def main(arguments=None):
    """The command line: `python -m ppo_lessons.ppo --env CartPole-v1 --seed 0`."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--env", dest="env_id", default=Config.env_id, help=argparse.SUPPRESS)
    algorithm_help = f"sets the defaults of the options below; one of {', '.join(ALGORITHMS)}; default: %(default)s"
    first.add_argument("--algorithm", choices=ALGORITHMS, default="ppo-clip", metavar="NAME", help=algorithm_help)
    chosen = first.parse_known_args(arguments)[0]
    settings = {**GAMES.get(chosen.env_id.removeprefix("ppo_lessons/"), {}), **ALGORITHMS[chosen.algorithm]}
    description = "Train an agent by PPO, or by one of the algorithms that lead to it."
    parser = argparse.ArgumentParser(
        prog="python -m ppo_lessons.ppo", description=description, parents=[first], conflict_handler="resolve"
    )
    for option in dataclasses.fields(Config):
        flag = "--env" if option.name == "env_id" else f"--{option.name.replace('_', '-')}"
        how = {"type": type(option.default)} if option.type is not bool else {"action": argparse.BooleanOptionalAction}
        default = settings.get(option.name, option.default)
        parser.add_argument(flag, dest=option.name, default=default, help="default: %(default)s", **how)
    parser.add_argument("--save", type=Path, help="write a checkpoint here after each update")
    parser.add_argument("--resume", type=Path, help="go on from this checkpoint")
    options = vars(parser.parse_args(arguments))
    save, resume, _ = options.pop("save"), options.pop("resume"), options.pop("algorithm")
    try:
        config = Config(**options)
    except ValueError as error:
        parser.error(str(error))
    try:
        with parallel.processes(choose_device(config.device).type):
            records = run(config, save=save, resume=resume)
            first_process = parallel.team.rank == 0
    except (ValueError, OSError, gymnasium.error.Error) as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    if first_process:
        report(records, config)


def run(config, *, save, resume):
    """Train with a progress bar, by the first process alone, and checkpoints: the list of records."""
    from tqdm import tqdm  # only the command line shows a bar

    records, first_process = [], parallel.team.rank == 0
    bar = tqdm(total=config.updates * config.batch_size, unit=" steps", unit_scale=True, disable=not first_process)
    try:
        with bar:
            for record in train(config, resume=resume):
                records.append(record)
                bar.update(record.env_steps - bar.n)
                if record.episodes:
                    bar.set_postfix_str(f"return {record.mean_return:.1f}", refresh=False)
                if save and first_process:
                    record.save(save)
    except KeyboardInterrupt:
        print("stopped by you; what was learned so far:")
    return records


def report(records, config):
    """Print what the training reached."""
    if not records:
        print("no update was made; a longer --total-steps goes on after a run that is complete")
        return
    print(table(records))
    returns = evaluate(records[-1].policy, config.env_id, episodes=100, seed=config.seed + 10_000)
    mean, error = returns.mean().item(), standard_error(returns).item()
    print(f"100 greedy episodes of {config.env_id}: mean return {mean:.1f}, standard error {error:.1f}")


def table(records, rows=12):
    """A readable table of at most `rows` of the records, evenly spaced, the last one included."""
    widths = {f.name: max(10, len(f.name)) for f in dataclasses.fields(Record) if f.repr}
    step = max(1, -(-len(records) // rows))
    lines = ["  ".join(f"{name:>{width}}" for name, width in widths.items())]
    for record in records[::-1][::step][::-1]:
        cells = ((getattr(record, name), width) for name, width in widths.items())
        lines.append("  ".join(f"{v:>{width}.4g}" if isinstance(v, float) else f"{v:>{width}}" for v, width in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
