"""Write the pictures that the notebooks and the README open with: `python -m ppo_lessons.figures`."""

from pathlib import Path

from ppo_lessons.figures import clip, course_map, gae, ppo
from ppo_lessons.figures.style import Canvas

ASSETS = Path(__file__).parents[2] / "assets"
PICTURES = {
    "start_here": (course_map.course_map, {}),
    "gae": (gae.tradeoff, {"lam": 0.95, "gamma": 1.0, "critic_error": 2.0}),
    "clip": (clip.objective, {"epsilon": 0.2, "advantage": 1.0, "ratio": 1.4}),
    "full_ppo_run": (
        ppo.retrain,
        {"objective": "clip", "lam": 0.95, "epsilon": 0.2, "beta": 1.0, "seed": 0},
    ),
}


def main():
    ASSETS.mkdir(exist_ok=True)
    for name, (picture, values) in PICTURES.items():
        canvas = Canvas(picture, **values)
        (ASSETS / f"{name}.png").write_bytes(canvas.png())
        print(f"assets/{name}.png: {canvas.text}")


if __name__ == "__main__":
    main()
