"""What the site's scripts compute, against Python: formulas, sentences, and the plays of the Corridor."""

import itertools
import random
import re
import sys
from pathlib import Path

import gymnasium
import pytest
import torch

from ppo_lessons.controls import make_control
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.clip import case_of, gradient_of_sample
from ppo_lessons.experiments.gae import LAMBDAS, errors, mixture
from ppo_lessons.experiments.policy_gradient import push
from ppo_lessons.figures import style
from ppo_lessons.figures.style import Canvas
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.policy_gradient import softmax_policy

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "website"), str(ROOT / "tests")]
import frames  # noqa: E402
import game  # noqa: E402
import live  # noqa: E402
import stops  # noqa: E402
from pictures import EXPLORED, start  # noqa: E402

STATIC = ROOT / "website" / "static"
CLOSED = {frames.name_of(picture): (picture, settings) for picture, settings in EXPLORED.values()}


@pytest.fixture(scope="module")
def scripts(browser):
    """A page that has the scripts, and nothing else."""
    page = browser.new_page()
    for name in ("formulas.js", "plot.js", "live.js", "corridor.js"):
        page.add_script_tag(path=STATIC / name)
    yield page
    page.close()


def logits(number, seed):
    return 3 * torch.randn(number, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_same(ours, theirs):
    theirs = torch.tensor(theirs, dtype=torch.float64)
    assert torch.allclose(theirs, ours.to(torch.float64), rtol=1e-12, atol=1e-12)


def test_softmax_entropy_and_kl(scripts):
    p, q = logits(50, 0), logits(50, 1)
    pairs = [p.tolist(), q.tolist()]
    assert_same(
        softmax_policy(p, temperature=0.3), scripts.evaluate("([p]) => p.map(z => formulas.softmax(z, 0.3))", pairs)
    )
    assert_same(entropy(p), scripts.evaluate("([p]) => p.map(z => formulas.entropy(z))", pairs))
    assert_same(kl_divergence(p, q), scripts.evaluate("([p, q]) => p.map((z, n) => formulas.kl(z, q[n]))", pairs))


def test_one_hot_minus_pi(scripts):
    for right, (place, action) in itertools.product((0.05, 0.5, 0.95), enumerate(("left", "up", "right"))):
        before, gradient, _ = push(right, action, 1.0)
        assert_same(gradient, scripts.evaluate("([a, pi]) => formulas.oneHotMinusPi(a, pi)", [place, before.tolist()]))


def test_weights_of_gae(scripts):
    lambdas = torch.linspace(0, 1, 21, dtype=torch.float64)
    theirs = scripts.evaluate("lambdas => lambdas.map(lam => formulas.gaeWeights(lam, 6))", lambdas.tolist())
    assert_same(mixture(lambdas, 6), theirs)


def test_clip_in_all_six_cases(scripts):
    """Also with ε = 0 at ρ = 1, on both edges at once, and at A = 0, which is in no row."""
    ratios, advantages, widths = (0.05, 0.55, 1.0, 1.15, 1.45, 2.0), (-1.0, -0.5, 0.0, 0.5, 1.0), (0.0, 0.2, 0.5)
    samples = list(itertools.product(ratios, advantages, widths))
    theirs = scripts.evaluate("samples => samples.map(s => formulas.clip(...s))", samples)
    ours = torch.tensor([gradient_of_sample(*sample) for sample in samples], dtype=torch.float64)
    assert_same(ours, [(term["objective"], term["gradient"]) for term in theirs])
    rows = [case_of(*sample) for sample in samples]
    assert scripts.evaluate("samples => samples.map(s => formulas.clipCase(...s))", samples) == rows
    assert set(rows) == {None, *range(6)}


@pytest.mark.parametrize("number", [0.0, -0.0, 0.125, 0.375, -0.125, 0.5, 2.675, 1.005, -0.004, 1e-9, 3.0, 12.5])
def test_numbers_are_written_as_python_writes_them(scripts, number):
    for digits in (0, 1, 2, 4):
        wanted = f"{number:.{digits}f}" if float(f"{number:.{digits}f}") else f"{0:.{digits}f}"
        assert scripts.evaluate("([x, d]) => written.fixed(x, d)", [number, digits]) == wanted
    assert scripts.evaluate("x => written.general(x)", number) == f"{number + 0.0:g}".replace("e-09", "e-9")


@pytest.mark.parametrize("name", live.PICTURES)
def test_sentences_are_those_of_the_notebook(scripts, name):
    """At the start, at each end of each control, and at thirty places drawn at random."""
    picture, settings = CLOSED[name]
    controls = {key: make_control(key, setting) for key, setting in settings.items()}
    ends = {key: setting if isinstance(setting, list) else setting[:2] for key, setting in settings.items()}
    values = {key: s if isinstance(s, list) else stops.even(controls[key])[-1] for key, s in settings.items()}
    places = [start(settings), *(start(settings) | {key: end} for key, both in ends.items() for end in both)]
    chance = random.Random(0)
    places += [{key: chance.choice(of) for key, of in values.items()} for _ in range(30)]
    canvas = Canvas(picture, **places[0])
    tables = live.TABLES[name](controls) if name in live.TABLES else {}
    said = scripts.evaluate(
        "([name, places, tables]) => places.map(values => pictures[name](values, tables).text)", [name, places, tables]
    )
    assert said == [canvas.move(**place) for place in places]
    assert len(set(said)) > 20


def test_errors_of_gae_are_those_of_the_lesson(scripts):
    """The title has three digits; here the bias and the variance are compared to nine."""
    _, settings = CLOSED["gae.tradeoff"]
    tables = live.moments({"gamma": make_control("gamma", settings["gamma"])})
    for table, critic_error in zip(tables["moments"], (0.0, 0.75, 1.5, 2.0, 3.0), strict=True):
        ours = torch.stack(errors(table["gamma"], critic_error))
        theirs = scripts.evaluate(
            """([table, plays, error, lambdas]) => lambdas.map(lam => {
                const { bias, variance } = gaeErrors(table, plays, error, lam);
                return [bias, variance];
            })""",
            [table, tables["plays"], critic_error, LAMBDAS.tolist()],
        )
        assert torch.allclose(torch.tensor(theirs, dtype=torch.float64).T, ours, atol=1e-8)


# The game


def python_play(seed, situation, actions):
    """A play of the Gymnasium game, and the random numbers that decided it."""
    env = gymnasium.make("ppo_lessons/Corridor-v0").unwrapped
    env.reset(seed=seed, options={"situation": situation})
    twin, _ = gymnasium.utils.seeding.np_random(seed)
    play = []
    for action in actions:
        state = [env.situation, env.cell]
        _, reward, over, _, _ = env.step(action)
        play.append([*state, action, reward])
        if over:
            break
    return play, env.cell, twin.random(len(actions)).tolist()


def test_the_game_gives_the_trajectories_of_python(scripts):
    """500 plays with random actions: the same chances lead to the same states, rewards and ends."""
    chance = random.Random(0)
    plays = [
        (seed, situation, [chance.randrange(3) for _ in range(6)])
        for seed, situation in itertools.product(range(250), ("day", "night"))
    ]
    ours, ends, chances = zip(*(python_play(*play) for play in plays), strict=True)
    theirs = scripts.evaluate(
        """([world, plays, chances]) => plays.map(([seed, situation, actions], n) => {
            let play = corridor.begin(world, world.situations.indexOf(situation));
            for (let t = 0; !play.over; t++) play = corridor.step(world, play, actions[t], chances[n][t]);
            const steps = play.steps.map(step => [step.situation, step.cell, step.action, step.reward]);
            return [steps, play.cell, play.total];
        })""",
        [game.tables(), plays, chances],
    )
    assert [steps for steps, _, _ in theirs] == list(ours)
    assert [cell for _, cell, _ in theirs] == list(ends)
    assert [total for _, _, total in theirs] == [sum(reward for *_, reward in play) for play in ours]
    assert {len(play) for play in ours} >= {2, 3, 4, 5, 6}
    assert {play[0][0] for play in ours} == {0, 1}


def test_colours_are_those_of_the_pictures():
    css = (STATIC / "live.css").read_text("utf-8")
    light = dict(re.findall(r"--([\w-]+): light-dark\(([^,]+),", css))
    ideas = {"policy": style.POLICY, "old": style.OLD_POLICY, "return": style.RETURN, "value": style.VALUE}
    ideas |= {"advantage": style.ADVANTAGE, "bias": style.BIAS, "variance": style.VARIANCE, "total": style.TOTAL}
    ideas |= {"clipped": style.CLIPPED, "penalty": style.PENALTY}
    assert {idea: light[idea].upper() for idea in ideas} == {
        idea: line["color"].upper() for idea, line in ideas.items()
    }
