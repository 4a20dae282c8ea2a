"""Several processes train as one does, and a bad launch ends in words."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ppo_lessons.ppo import Config
from ppo_lessons.trainer import distributed
from ppo_lessons.trainer.distributed import World

RUN = Path(__file__).with_name("distributed_run.py")
SMALL = {"total_steps": 768, "num_envs": 8, "num_steps": 32, "epochs": 4, "minibatches": 4, "learning_rate": 1e-3}
EXACT = {**SMALL, "dtype": "float64"}
RUNS = {
    "float32": SMALL,
    "float64": EXACT,
    "penalty": {**EXACT, "objective": "penalty", "beta_target_kl": 0.01},
    "score": {**EXACT, "objective": "score"},
    "numpy": {**EXACT, "env_id": "CartPole-v1"},
    "gaussian": {**EXACT, "env_id": "ppo_lessons/Pendulum-v1"},
    "images": {**EXACT, "env_id": "ppo_lessons/Breakout-v0"},
    "in pieces": {**EXACT, "rows_of_a_piece": 8},
    "minibatches of one step": {**EXACT, "num_envs": 2, "num_steps": 4, "minibatches": 8, "total_steps": 24},
}


def torchrun(processes, *command, module=False):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [*launch, *(["-m"] if module else []), *map(str, command)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()  # carriage returns kept
    return done


def run(folder, processes, runs):
    """Train in so many processes, one without torchrun: for each run, what each process recorded."""
    folder.mkdir()
    command = RUN, folder, json.dumps(runs)
    if processes == 1:
        done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=120)
    else:
        done = torchrun(processes, *command)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = range(processes)
    return {name: [json.loads((folder / f"{name}.rank{rank}.json").read_text()) for rank in ranks] for name in runs}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def alone(folder):
    return {name: records for name, (records,) in run(folder / "one", 1, RUNS).items()}


@pytest.fixture(scope="module")
def together(folder):
    return run(folder / "two", 2, RUNS)


def largest_difference(ours, theirs):
    """Over all numbers of all records, relative to 1 or to the number."""
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        for name in one:
            a, b = (torch.tensor(row[name], dtype=torch.float64) for row in (one, other))
            assert torch.equal(a.isnan(), b.isnan()), name
            worst = max(worst, ((a - b).abs() / b.abs().clamp(min=1)).nan_to_num().max().item())
    return worst


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_agree_with_one_over_three_updates(name, alone, together):
    first, second = together[name]
    assert [record["update"] for record in alone[name]] == [0, 1, 2, 3]
    assert largest_difference(first, second) == 0  # both processes hold the same networks and the same numbers
    assert largest_difference(first, alone[name]) < (1e-5 if name == "float32" else 1e-10)
    moved = [{"weights": alone[name][update]["weights"]} for update in (0, 3)]
    assert largest_difference(moved[:1], moved[1:]) > 1e-3  # and they learned


def test_rows_in_pieces_change_nothing(alone, together):
    for records in (alone["in pieces"], *together["in pieces"]):
        assert largest_difference(records, alone["float64"]) < 1e-10


def test_a_checkpoint_goes_from_two_processes_to_one_and_back(folder, alone, together, tmp_path):
    from_two, from_one = ({**EXACT, "resume": str(folder / which / "float64.1.pt")} for which in ("two", "one"))
    rest = run(tmp_path / "to one", 1, {"rest": from_two})["rest"][0]
    assert [record["update"] for record in rest] == [2, 3]
    assert largest_difference(rest, alone["float64"][2:]) < 1e-10
    rest = run(tmp_path / "to two", 2, {"rest": from_one})["rest"][0]
    assert largest_difference(rest, alone["float64"][2:]) < 1e-10


def test_the_command_line_prints_and_saves_once(tmp_path):
    options = ["--total-steps", "768", "--num-envs", "8", "--num-steps", "32", "--device", "cpu"]
    options += ["--save", tmp_path / "run.pt"]
    done = torchrun(2, "ppo_lessons.ppo", *options, module=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("100 greedy episodes") == 1
    assert [row.split()[0] for row in done.stdout.splitlines()[1:-1]] == ["0", "1", "2", "3"]
    assert sum("steps/s" in line for line in done.stderr.split("\n")) == 1  # one progress bar
    assert torch.load(tmp_path / "run.pt", weights_only=True)["game"]["columns"]["state"].shape == (8, 4)


# Bad launches


def test_a_bad_launch_from_the_command_line_ends_in_words():
    done = torchrun(2, "ppo_lessons.ppo", "--num-envs", "9", "--num-steps", "32", "--device", "cpu", module=True)
    assert done.returncode != 0
    assert "ppo: error: num_envs = 9 must be a multiple of the 2 processes" in done.stderr
    assert 'ppo.py", line' not in done.stderr  # no traceback of ours


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_envs": 9, "num_steps": 32}, "num_envs = 9 must be a multiple of the 2 processes"),
        ({"objective": "trust_region"}, "'trust_region' with advantage_estimator 'gae' trains in one process only"),
        ({"advantage_estimator": "baseline"}, "with advantage_estimator 'baseline' trains in one process only"),
        ({"normalize_rewards": True}, "normalize_rewards train in one process only"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(changes, words, monkeypatch):
    def gather(settings, own):
        settings[:] = [own, own]

    monkeypatch.setattr(distributed, "world", World(1, 2))
    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    distributed.check_config(Config())
    with pytest.raises(ValueError, match=words):
        distributed.check_config(Config(**changes))


def test_more_processes_than_gpus_are_refused(monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="2 processes need 2 GPUs, found 1"), distributed.processes("cuda"):
        pass


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("killed", "SIGKILL"),
        pytest.param("nan", "NonFiniteError", marks=pytest.mark.slow),
        pytest.param("stuck", "process 0 waits in vain for the others", marks=pytest.mark.slow),
        pytest.param(
            "other settings",
            "all processes need the same settings: lam is 0.5 in process 0 and 0.6 in process 1",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_process_that_fails_ends_the_run_soon(fault, words, tmp_path):
    began = time.perf_counter()
    done = torchrun(2, RUN, tmp_path, json.dumps({"run": {**SMALL, "total_steps": 25_600}}), fault)
    assert time.perf_counter() - began < 50
    assert done.returncode != 0
    assert words in done.stderr
    assert not (tmp_path / "run.rank0.json").exists()


# One process


def test_alone_every_function_gives_back_what_it_was_given():
    tensor = torch.arange(6)
    assert distributed.world == World(0, 1)
    for function in (distributed.shard, distributed.unshard, distributed.all_gather, distributed.all_reduce):
        assert function(tensor) is tensor
    assert distributed.members(tensor, 3) == (tensor, 1.0)
    assert distributed.shard_of(6) == (0, 6)


def test_the_members_of_all_processes_are_the_minibatch(monkeypatch):
    """Three processes with two of six games each; steps of the rollout [5, 6] are numbered row by row."""
    chosen = torch.randperm(30, generator=torch.Generator().manual_seed(0))[:11]
    numbers = torch.arange(30).view(5, 6)
    found, shares = [], []
    for rank in range(3):
        monkeypatch.setattr(distributed, "world", World(rank, 3))
        own, share = distributed.members(chosen, 2)
        found += numbers[:, 2 * rank : 2 * rank + 2].flatten()[own].tolist()
        shares.append(share)
    assert sorted(found) == sorted(chosen.tolist())
    assert sum(shares) == pytest.approx(1)


def test_a_process_without_a_member_takes_part_with_share_zero(monkeypatch):
    monkeypatch.setattr(distributed, "world", World(1, 2))
    own, share = distributed.members(torch.tensor([0, 1]), 2)  # games 0 and 1 belong to process 0
    assert (own.tolist(), share) == ([0], 0.0)
