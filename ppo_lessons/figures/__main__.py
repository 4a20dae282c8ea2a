"""Write the pictures that notebooks and README open with, and the page to print: `python -m ppo_lessons.figures`."""

from pathlib import Path

from ppo_lessons.figures import (
    advantage,
    bug_lab,
    cheatsheet,
    clip,
    continuous_actions,
    course_map,
    details,
    entropy,
    expectation,
    full_run,
    gae,
    importance_sampling,
    kl_penalty,
    language,
    log_trick,
    policy_gradient,
    ppo,
    reward_to_go,
    scaling,
    tour,
    variance_ladder,
)
from ppo_lessons.figures.style import Canvas

ASSETS = Path(__file__).parents[2] / "assets"
PICTURES = {
    "expectation": (expectation.exam, {"n": 50, "p": 0.5, "sample": 4}),
    "policy_gradient": (policy_gradient.objective, {"logit_of_up": 0.7, "logit_of_right": 2.0}),
    "log_trick": (log_trick.reinforce, {"plays": 16, "reuse": 3}),
    "reward_to_go": (reward_to_go.training, {"plays": 2, "gamma": 1.0}),
    "baseline": (variance_ladder.running("baseline"), {}),
    "advantage": (advantage.training, {"toll": 5, "n": 1, "critic_step": 1.0, "sample": 0}),
    "gae": (gae.tradeoff, {"lam": 0.95, "gamma": 1.0, "critic_error": 2.0}),
    "importance_sampling": (importance_sampling.reuse, {"plays": 20, "lam": 0.95, "sample": 3}),
    "kl_penalty": (kl_penalty.price, {"beta": 3.0}),
    "clip": (clip.objective, {"epsilon": 0.2, "advantage": 1.0, "ratio": 1.0}),
    "entropy": (entropy.training, {"decay": "to 0 at update 60", "weight": 0.6, "sample": 0}),
    "continuous_actions": (continuous_actions.policy, {"mean": 1.0, "log_std": 0.0, "draw": 1.5, "advantage": 1.0}),
    "parallel": (scaling.stale, {"delay": 8, "step_size": 1.0}),
    "ppo": (
        ppo.retrain,
        {"objective": "clip", "lam": 0.95, "epsilon": 0.2, "beta": 1.0, "seed": 0},
    ),
    "details": (details.failure, {"case": "near hill, first spread 0.5", "seed": 0}),
    "full_run": (full_run.opening, {}),
    "language_model": (language.frontier, {"run": "PPO, k3 as loss"}),
    "bug_lab": (bug_lab.hidden, {"case": "C", "seed": 0}),
}


def main():
    ASSETS.mkdir(exist_ok=True)
    for name, (picture, values) in PICTURES.items():
        canvas = Canvas(picture, **values)
        (ASSETS / f"{name}.png").write_bytes(canvas.png())
        print(f"assets/{name}.png: {canvas.text}")
    for number, tile in enumerate(course_map.tiles().values(), start=1):
        (ASSETS / f"map_{number:02d}.png").write_bytes(tile)
    print(f"assets/map_01.png to map_{number:02d}.png: {Canvas(course_map.course_map).text}")
    cheatsheet.write(ASSETS / "cheatsheet.pdf")
    print("assets/cheatsheet.pdf: every formula on one page")
    tour.write(ASSETS / "tour.gif")
    print("assets/tour.gif: a slider moves, an agent learns, the agent before and after")


if __name__ == "__main__":
    main()
