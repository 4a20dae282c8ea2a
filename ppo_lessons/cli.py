"""The command line of the trainer: `python -m ppo_lessons.ppo --env CartPole-v1 --seed 0`."""

import argparse
import contextlib
import dataclasses
import gc
from pathlib import Path

import gymnasium
from tqdm import tqdm

from ppo_lessons.envs.atari import is_atari
from ppo_lessons.expectation import standard_error
from ppo_lessons.ppo import ALGORITHMS, Config, Record, choose_device, evaluate, train
from ppo_lessons.trainer import distributed
from ppo_lessons.trainer.config import settings_for


def main(arguments=None):
    """Train as the arguments say, show how it goes, and judge the policy."""
    gc.freeze()  # what the imports made stays to the end: else leaving the process takes 0.4 s longer
    parser = make_parser(arguments)
    options = vars(parser.parse_args(arguments))
    save, resume, _ = options.pop("save"), options.pop("resume"), options.pop("algorithm")
    try:
        config = Config(**options)
    except ValueError as error:
        parser.error(str(error))
    try:
        with distributed.processes(choose_device(config.device).type):
            records = run(config, save=save, resume=resume)
            first_process = distributed.world.rank == 0
    except (ValueError, OSError, gymnasium.error.Error) as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    if first_process:
        report(records, config)


def make_parser(arguments):
    """One option for each setting; the game and the algorithm among the arguments choose the defaults of the others."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--env", dest="env_id", default=Config.env_id, help=argparse.SUPPRESS)
    algorithm_help = f"sets the defaults of the options below; one of {', '.join(ALGORITHMS)}; default: %(default)s"
    first.add_argument("--algorithm", choices=ALGORITHMS, default="ppo-clip", metavar="NAME", help=algorithm_help)
    chosen = first.parse_known_args(arguments)[0]
    settings = settings_for(chosen.env_id, chosen.algorithm)
    parser = argparse.ArgumentParser(
        prog="python -m ppo_lessons.ppo",
        description="Train an agent by PPO, or by one of the algorithms that lead to it.",
        parents=[first],
        conflict_handler="resolve",
    )
    for option in dataclasses.fields(Config):
        flag = "--env" if option.name == "env_id" else f"--{option.name.replace('_', '-')}"
        how = {"type": type(option.default)} if option.type is not bool else {"action": argparse.BooleanOptionalAction}
        default = settings.get(option.name, option.default)
        parser.add_argument(flag, dest=option.name, default=default, help="default: %(default)s", **how)
    parser.add_argument("--save", type=Path, help="write a checkpoint here after each update")
    parser.add_argument("--resume", type=Path, help="go on from this checkpoint")
    return parser


def run(config, *, save, resume):
    """Train with a progress bar and checkpoints, both of the first process alone: the list of records.

    The bar appears with the first record, when nothing is wrong with the settings.
    """
    records, first_process = [], distributed.world.rank == 0
    with contextlib.ExitStack() as stack:
        bar = None
        try:
            for record in train(config, resume=resume):
                if save and first_process:
                    record.save(save)
                records.append(dataclasses.replace(record, checkpoint=None))  # Atari's has 27 MB
                if bar is None:
                    steps, off = config.updates * config.batch_size, not first_process
                    bar = stack.enter_context(tqdm(total=steps, unit=" steps", unit_scale=True, disable=off))
                bar.update(record.env_steps - bar.n)
                if record.episodes:
                    bar.set_postfix_str(f"return {record.mean_return:.1f}", refresh=False)
        except KeyboardInterrupt:
            stack.close()
            print("stopped by you; what was learned so far:")
    return records


def report(records, config):
    """Print what the training reached."""
    if not records:
        print("no update was made; a longer --total-steps goes on after a run that is complete")
        return
    print(table(records))
    episodes = 10 if is_atari(config.env_id) else 100  # a game of Atari may take 27,000 steps
    returns = evaluate(records[-1].policy, config.env_id, episodes=episodes, seed=config.seed + 10_000)
    mean, error = returns.mean().item(), standard_error(returns).item()
    print(f"{episodes} greedy episodes of {config.env_id}: mean return {mean:.1f}, standard error {error:.1f}")


def table(records, rows=12):
    """A readable table of at most `rows` of the records, evenly spaced, the last one included."""
    widths = {f.name: max(10, len(f.name)) for f in dataclasses.fields(Record) if f.repr}
    step = max(1, -(-len(records) // rows))
    lines = ["  ".join(f"{name:>{width}}" for name, width in widths.items())]
    for record in records[::-1][::step][::-1]:
        cells = ((getattr(record, name), width) for name, width in widths.items())
        lines.append("  ".join(f"{v:>{width}.4g}" if isinstance(v, float) else f"{v:>{width}}" for v, width in cells))
    return "\n".join(lines)
