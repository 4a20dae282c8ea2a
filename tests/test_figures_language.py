"""The pictures of the extra on language models show the numbers of its experiments."""

import re

import pytest

from ppo_lessons.experiments import language as experiments
from ppo_lessons.experiments.language import LANGUAGE, REWARDS, RUNS, Settings
from ppo_lessons.figures import language as pictures
from ppo_lessons.figures.style import Canvas


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def test_the_run_ends_where_the_picture_says(monkeypatch):
    short = Settings(updates=10, strings=64)
    monkeypatch.setitem(RUNS, "PPO, KL in the reward", short)
    canvas = Canvas(pictures.frontier, run="PPO, KL in the reward")
    final = list(experiments.run(short))[-1]
    assert canvas.artists["path"].get_xdata()[-1] == final.kl
    assert canvas.artists["path"].get_ydata()[-1] == final.reward
    reward, kl, _ = experiments.landing(short)
    assert (*canvas.artists["mark"].get_xdata(), *canvas.artists["mark"].get_ydata()) == pytest.approx((kl, reward))
    assert {round(final.reward, 3), round(final.kl, 3), round(reward, 3), round(kl, 3)} <= set(numbers(canvas.text))


def test_the_bars_are_the_strings_that_the_policy_writes_most():
    canvas = Canvas(pictures.strings, policy="optimum π*", beta=1.0)
    best = LANGUAGE.optimum(experiments.reference_table(), REWARDS, beta=1.0)
    chances, order = best.probabilities.topk(pictures.SHOWN)
    assert [bar.get_height() for bar in canvas.artists["new"]] == pytest.approx(chances.tolist())
    assert [name.get_text() for name in canvas.artists["names"]] == LANGUAGE.write(order)


@pytest.mark.parametrize("string", pictures.SENTENCES)
def test_the_advantages_of_a_string_sum_to_what_it_earned_above_the_mean(string):
    canvas = Canvas(pictures.tokens, string=string)
    mean = LANGUAGE.expected_reward(experiments.reference_table(), REWARDS).item()
    heights = [bar.get_height() for bar in canvas.artists["bars"]["critic"]]
    assert sum(heights) == pytest.approx(string.count("b") - mean)
    assert canvas.artists["bars"]["group"][0].get_height() == pytest.approx(string.count("b") - mean)


def test_the_proxy_is_drawn_beside_the_truth():
    canvas = Canvas(pictures.overoptimisation, pairs=64, seed=0)
    curve = experiments.overoptimise(64, 0, pictures.PRICES)
    assert canvas.artists["true"].get_ydata().tolist() == curve.true.tolist()
    assert canvas.artists["peak"].get_ydata()[0] == curve.true.max()
    assert round(curve.true.max().item(), 2) in numbers(canvas.text)


@pytest.mark.parametrize("group", [2, 6])
def test_a_group_pays_more_than_beta(group, monkeypatch):
    settings = pictures.of_groups(group)
    assert settings.strings % group == 0 and 500 < settings.strings <= 512
    short = Settings(judge="group", kl_in="loss", group=group, strings=8 * group, updates=10)
    monkeypatch.setattr(pictures, "of_groups", lambda size: short)
    canvas = Canvas(pictures.groups, group=group)
    table = LANGUAGE.landing(experiments.reference_table(), REWARDS, beta=group / (group - 1), estimator="k2")
    reward, kl, _ = experiments.worth(table, 1.0)
    assert (*canvas.artists["mark"].get_xdata(), *canvas.artists["mark"].get_ydata()) == pytest.approx((kl, reward))
    assert {group, round(reward, 3), round(kl, 3)} <= set(numbers(canvas.text))
