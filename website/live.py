"""Pictures that the page itself computes: their controls and tables, for `static/live.js`, which draws them."""

import html
import json

import ipywidgets
import torch

from ppo_lessons.experiments import advantage, gae
from ppo_lessons.experiments.policy_gradient import DRAWS

# The pictures, and the steps of their sliders where a page can have finer ones than a notebook.
PICTURES = {
    "policy_gradient.softmax": {"logit_of_up": 0.1, "logit_of_right": 0.1},
    "policy_gradient.one_hot": {"chance_of_right": 0.01, "step": 0.05},
    "gae.tradeoff": {"lam": 0.01, "critic_error": 0.05},
    "kl_penalty.step": {"sure": 0.1},
    "clip.objective": {"epsilon": 0.01, "advantage": 0.1, "ratio": 0.01},
    "entropy.temperature": {"up": 0.1, "right": 0.1},
}


def tag(name, explorer):
    """HTML for an Explorer whose picture the page computes: sliders with their true values, and the first sentence."""
    finer = PICTURES[name]
    inputs = [control_tag(key, control, finer.get(key)) for key, control in explorer.controls.items()]
    tables = json.dumps(TABLES[name](explorer.controls)) if name in TABLES else "{}"
    return f"""<div class="frames live" data-picture="{name}">
<div class="controls">{"".join(inputs)}</div>
<div class="card" role="img" aria-label="{html.escape(explorer.text)}"></div>
<p aria-live="polite">{html.escape(explorer.text)}</p>
<script type="application/json">{tables}</script></div>"""


def control_tag(key, control, finer):
    """A drop-down, or a slider over the values themselves."""
    label = html.escape(control.description)
    if isinstance(control, ipywidgets.Dropdown):
        entries = (f"<option{' selected' * (entry == control.value)}>{entry}</option>" for entry in control.options)
        return f'<label><span>{label}</span><select name="{key}">{"".join(entries)}</select></label>\n'
    return (
        f'<label><span>{label}</span><input type="range" name="{key}" aria-label="{label}" min="{control.min:g}" '
        f'max="{control.max:g}" step="{finer or control.step:g}" value="{control.value:g}">'
        f"<output>{control.value:g}</output></label>\n"
    )


def uniforms(controls):
    """The random numbers behind the draws of lesson 02, a list for each sample: an action is where they fall."""
    seeds = range(controls["sample"].min, controls["sample"].max + 1)
    generators = (torch.Generator().manual_seed(seed) for seed in seeds)
    return {"uniforms": [rounded(torch.rand(DRAWS, dtype=torch.float64, generator=g)) for g in generators]}


def moments(controls):
    """What squared bias and variance of a mixture are made of, for each γ of lesson 07.

    With the 12 numbers x (the weights, and the weights times the critic's error) the squared bias is
    x G x - 2 c x + k and the variance of one play is x C x.
    """
    slider, tables = controls["gamma"], []
    gammas = [
        round(slider.min + slider.step * k, 10) for k in range(round((slider.max - slider.min) / slider.step) + 1)
    ]
    for gamma in gammas:
        mean, covariance, truth = advantage.n_step_moments(gamma)
        bias = {"G": rounded(mean @ mean.T), "c": rounded(mean @ truth), "k": (truth @ truth).item()}
        tables.append({"gamma": gamma, **bias, "C": rounded(covariance)})
    return {"plays": gae.PLAYS, "moments": tables}


def rounded(tensor):
    """Nested lists with ten digits after the point."""
    return torch.round(tensor, decimals=10).tolist()


TABLES = {"policy_gradient.softmax": uniforms, "gae.tradeoff": moments}
