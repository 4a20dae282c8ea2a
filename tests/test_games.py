"""Games besides CartPole: what the command line's settings reach in Gymnasium's own game, and games of the extras."""

import importlib.util

import gymnasium
import pytest

from ppo_lessons import cli
from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer.config import GAMES

TARGETS = {"Acrobot-v1": -100, "Pendulum-v1": -250}
EXTRAS = {"LunarLander-v3": ("Box2D", "box2d"), "InvertedPendulum-v5": ("mujoco", "mujoco")}
SHORT = ["--total-steps", "512", "--num-envs", "4", "--num-steps", "64", "--device", "cpu"]


@pytest.mark.parametrize("name", [name for name in GAMES if not name.startswith("ALE/")])
def test_settings_are_of_the_config_and_for_a_game_that_exists(name):
    config = Config(env_id=f"ppo_lessons/{name}", **GAMES[name])
    assert gymnasium.spec(config.env_id).vector_entry_point.startswith("ppo_lessons.")
    assert config.updates > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_game_reaches_its_target_in_gymnasiums_own_version(name):
    *_, last = train(Config(env_id=f"ppo_lessons/{name}", device="cpu", **GAMES[name]))
    assert evaluate(last.policy, name, episodes=100, seed=10_000).mean() >= TARGETS[name]


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "ppo_lessons/Pendulum-v1"])
def test_the_command_line_takes_a_games_settings_as_defaults(env_id, monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "run", lambda config, **options: seen.append(config) or [])
    cli.main(["--env", env_id, "--epochs", "3", "--device", "cpu"])
    cli.main(["--device", "cpu"])
    assert seen[0] == Config(**{"env_id": env_id, "device": "cpu", **GAMES["Pendulum-v1"], "epochs": 3})
    assert seen[1] == Config(device="cpu")


@pytest.mark.parametrize("env_id", EXTRAS)
def test_games_of_the_extras_run_or_say_what_to_install(env_id, capsys):
    module, extra = EXTRAS[env_id]
    if importlib.util.find_spec(module):
        cli.main(["--env", env_id, *SHORT])
        assert f"100 greedy episodes of {env_id}" in capsys.readouterr().out
        return
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--env", env_id, *SHORT])
    assert stopped.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f'pip install "gymnasium[{extra}]"' in line
