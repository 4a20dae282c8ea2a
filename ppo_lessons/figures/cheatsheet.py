"""The course on one printable page: every formula beside its function, the loop in the middle, every default."""

import dataclasses

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ppo_lessons import LESSONS
from ppo_lessons.experiments.clip import CASES
from ppo_lessons.experiments.variance_ladder import variances
from ppo_lessons.figures.clip import case_row
from ppo_lessons.figures.course_map import SHORT
from ppo_lessons.figures.style import GRID, OLD_POLICY, POLICY, RC
from ppo_lessons.figures.variance_ladder import RUNGS
from ppo_lessons.trainer.config import Config

PAPER = (842, 595)  # A4 across, in points; places on the page too are in points, from the top left
SMALL, FORMULA, HEADING = 7, 9, 9.5  # points
LEFT, MIDDLE, RIGHT = (24, 284), (304, 538), (558, 818)  # the columns: where they begin and end
TOP, NAMES, LINE, SPACE = 54, 93, 17.2, 20  # first heading; room for a name; from row to row; for a heading
EPSILON = 0.2
ROOT = "../"  # from the file in assets/ to what it links to
PAGE_RC = {
    **RC,
    "font.size": SMALL,
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,  # whole TrueType fonts: the text can be searched and copied
}

# Each public function of the lessons, in the order of the derivation, and what it computes.
FORMULAS = {
    "expectation.expectation": r"$E[x] = \sum_i\, x_i\, p(x_i)$",
    "expectation.standard_error": r"$\mathrm{SE} = s / \sqrt{n},\;\; s^2 = \sum_i\, (x_i - \bar x)^2 / (n - 1)$",
    "policy_gradient.softmax_policy": r"$\pi(a|s) = e^{z_a / T} \,/\, \sum_b\, e^{z_b / T}$",
    "policy_gradient.expected_return": r"$J(\theta) = \sum_\tau\, R(\tau)\, P_\theta(\tau)$",
    "log_trick.score_objective": r"$\nabla J \approx \frac{1}{N}\sum_n \sum_t\, \Psi_t\, \nabla \log \pi(a_t|s_t)$",
    "reward_to_go.reward_to_go": r"$G_t = \sum_{k=t}^{T-1} \gamma^{k-t}\, r_k = r_t + \gamma\, G_{t+1}$",
    "baseline.subtract_baseline": r"$\Psi_t = G_t - V(s_t)$",
    "baseline.value_loss": r"$L_V = \mathrm{mean}\,(V(s_t) - \mathrm{target}_t)^2$",
    "baseline.clipped_value_loss": r"mean of the larger error: that of $V$, or of $V$"
    "\n"
    r"held in $V_{\mathrm{old}} - \epsilon\, ..\, V_{\mathrm{old}} + \epsilon$",
    "baseline.explained_variance": r"$1 - \mathrm{Var}[G - V] \,/\, \mathrm{Var}[G]$",
    "corridor.Corridor.tables": r"$Q(s,a) = E[r + \gamma V(s^\prime)]$" + "\n" + r"$V(s) = \sum_a\, \pi(a|s)\, Q(s,a)$",
    "advantage.td_error": r"$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t)$; after the end $V = 0$",
    "advantage.n_step_advantage": r"$A^{(n)}_t = \sum_{l=0}^{n-1}\, \gamma^l r_{t+l} + \gamma^n V(s_{t+n}) - V(s_t)$",
    "advantage.normalize": r"$(A - \bar A) \,/\, (\mathrm{std}\, A + 10^{-8})$",
    "gae.gae": r"$A_t = (1-\lambda)(A^{(1)}_t + \lambda A^{(2)}_t + \lambda^2 A^{(3)}_t + \dots)$"
    "\n"
    r"$= \sum_{l=0}^{T-1-t}\, (\gamma\lambda)^l \delta_{t+l} = \delta_t + \gamma\lambda\, A_{t+1}$",
    "importance_sampling.ratio": r"$\rho_t = \pi(a_t|s_t) \,/\, \pi_{\mathrm{old}}(a_t|s_t)$",
    "importance_sampling.surrogate_objective": r"$L = \mathrm{mean}\, \rho_t A_t$",
    "importance_sampling.effective_sample_size": r"$\mathrm{ESS} = (\sum_i\, w_i)^2 \,/\, \sum_i\, w_i^2$",
    "kl_penalty.kl_divergence": r"$\mathrm{KL}(p\|q) = \sum_a\, p(a)\,(\log p(a) - \log q(a))$",
    "kl_penalty.approximate_kl": r"$k_1 = -\log\rho,\; k_2 = \frac{1}{2}(\log\rho)^2,\; k_3 = \rho - 1 - \log\rho$",
    "kl_penalty.penalized_objective": r"$L = \mathrm{mean}\, \rho_t A_t - \beta\, \mathrm{mean}\, \mathrm{KL}_t$",
    "kl_penalty.adapt_beta": r"$\beta/2$ if $\mathrm{KL} < d/1.5$;  $2\beta$ if $\mathrm{KL} > 1.5\,d$",
    "kl_penalty.early_stop": r"no further epoch if $\mathrm{mean}\, \mathrm{KL}_t > d$",
    "trust_region.fisher_product": r"$F v = \nabla(\nabla \mathrm{KL} \cdot v) + \mathrm{damping}\cdot v$",
    "trust_region.conjugate_gradient": r"solves $F x = g$, knowing only $v \mapsto F v$",
    "trust_region.trust_region_step": r"$\theta + \sqrt{2 d \,/\, x \cdot F x}\; x$,  halved until KL $\leq d$",
    "clip.clip_ratio": r"$\mathrm{clip}(\rho) = \max(\min(\rho,\, 1+\epsilon),\, 1-\epsilon)$",
    "clip.clipped_objective": r"$L = \mathrm{mean}\, \min(\rho_t A_t,\; \mathrm{clip}(\rho_t)\, A_t)$",
    "entropy.entropy": r"$H = -\sum_a\, \pi(a|s) \log \pi(a|s)$",
}
TAUGHT_IN = {"corridor": "advantage", "trust_region": "kl_penalty"}  # modules whose formulas stand in another's lesson
TITLES = {"reward_to_go": "Reward-to-go", "ppo": "The loop"}

# The loop of lesson 12: what is done in each of its three parts, and the function that does it.
LOOP = {
    r"Collect: $N$ games take $T$ steps each": {
        "policy_gradient.softmax_policy": r"$a_t \sim \pi(\cdot|s_t)$",
        "trainer.rollout.collect": r"keep $s_t$, $a_t$, $r_t$ and every end",
    },
    "Judge: what was better than usual?": {
        "gae.gae": r"advantage $A_t$",
        "ppo.advantages_and_targets": r"target $A_t + V(s_t)$",
        "advantage.normalize": r"$A$ to mean 0, std 1",
    },
    "Improve: epochs × minibatches times": {
        "importance_sampling.ratio": r"$\rho_t = \pi / \pi_{\mathrm{old}}$",
        "clip.clipped_objective": r"objective $L$",
        "entropy.entropy": r"bonus $H$",
        "baseline.value_loss": r"error $L_V$",
        "ppo.total_loss": r"loss $-L - c_H H + c_V L_V$",
        "ppo.gradient_step": "cut its gradient; one step of Adam",
    },
}
LETTERS = {"num_envs": "N", "num_steps": "T", "gamma": "γ", "lam": "λ", "epsilon": "ε", "beta": "β"}
LETTERS |= {"beta_target_kl": "d", "target_kl": "d", "max_kl": "d", "entropy_weight": "$c_H$", "value_weight": "$c_V$"}
SYMBOLS = (
    r"$s_t, a_t, r_t$ state, action, reward of step $t = 0 .. T-1$;  $\tau$ a play, $R(\tau)$ its return;  "
    r"$\pi$ policy, $\theta$ its parameters, $z$ its logits, $T$ in the softmax the temperature;  $V$ critic;  "
    r"$\gamma$ discount;  $\lambda$ decay of GAE;"
    "\n"
    r"$\epsilon$ half the band;  $\beta$ price of KL;  $d$ target or largest KL;  $\Psi_t$ what a step is weighed by;  "
    r"$c_H, c_V$ weights of entropy and critic;  $w$ importance weights;  $N, n$ number of samples;  $g$ gradient, "
    r"$F$ Fisher matrix."
    "\n"
    r"Names ending in _objective are maximised, in _loss minimised. Blue words are links: from a lesson to its "
    r"notebook, from a function to its file."
)


def lesson_of(name):
    """The lesson in which a function is derived; that of the trainer's own functions is the loop, "ppo"."""
    module = name.split(".")[0]
    return TAUGHT_IN.get(module, module if module in LESSONS else "ppo")


def number_of(lesson):
    """A lesson's number, two digits; the loop comes after the derivation."""
    return f"{(*LESSONS, 'ppo').index(lesson) + 1:02}"


def title_of(lesson):
    return {**SHORT, **TITLES}.get(lesson, lesson.replace("_", " ").capitalize())


def notebook_of(lesson):
    """Where a lesson's notebook lies, as seen from the page."""
    return f"{ROOT}notebooks/{number_of(lesson)}_{lesson}.ipynb"


def file_of(name):
    """Where the code of a function lies, as seen from the page: "clip.clip_ratio" is in clip.py."""
    modules = [part for part in name.split(".")[:-1] if part.islower()]
    return f"{ROOT}ppo_lessons/{'/'.join(modules)}.py"


def short(name):
    """The name without its module: "clip_ratio", or with its class, "Corridor.tables"."""
    *path, last = name.split(".")
    return ".".join([*(part for part in path if not part.islower()), last])


def put_rule(axes, column, y, text, link):
    """A bold heading over a rule."""
    axes.text(column[0], y, text, size=HEADING, weight="bold", color=POLICY["color"], va="center", url=link)
    axes.plot(column, [y + 8, y + 8], color=GRID, linewidth=1)


def put_heading(axes, column, y, lesson):
    """The heading of a lesson: its number and title, a link to the notebook."""
    put_rule(axes, column, y, f"{number_of(lesson)}  {title_of(lesson)}", notebook_of(lesson))


def put_name(axes, x, y, name, **style):
    """The name of a function in typewriter letters, a link to its file."""
    words = short(name)
    axes.text(x, y, words, family="monospace", color=POLICY["color"], va="center", url=file_of(name), **style)


def put_lessons(axes, column, lessons):
    """The formulas of these lessons, one group below the other. Returns where the next line of the column begins."""
    y = TOP
    for lesson in lessons:
        put_heading(axes, column, y, lesson)
        y += SPACE
        for name, formula in FORMULAS.items():
            if lesson_of(name) == lesson:
                put_name(axes, column[0], y, name)
                for line in formula.split("\n"):
                    axes.text(column[0] + NAMES, y, line, family="STIXGeneral", size=FORMULA, va="center")
                    y += LINE
        if lesson == "clip":
            y = put_cases(axes, column, y)
        y += 4
    return y


def put_cases(axes, column, y):
    """The six cases of one sample, each found by asking autograd. Returns where the next line begins."""
    axes.text(column[0], y, "its six cases", va="center")
    places = [column[0] + NAMES + shift for shift in (0, 58, 76, 131)]
    rows = [("ρ", "A", "smaller term", "gradient")]
    rows += [(f"{place} band", sign, *case_row(place, sign, EPSILON)) for place, sign in CASES]
    for row in rows:
        for x, words in zip(places, row, strict=True):
            axes.text(x, y, words, va="center", weight="bold" if row is rows[0] else "normal")
        y += 11
    return y + 3


def put_variances(axes, column, y):
    """The variance ladder: exact variance of the gradient from one play, as bars."""
    put_rule(axes, column, y, "Exact variance of the gradient from one play", notebook_of("gae"))
    heights = variances("gae")
    scale = (column[1] - column[0] - NAMES - 26) / max(heights.values())
    for row, (name, height) in enumerate(heights.items()):
        middle, left = y + 17 + 11.5 * row, column[0] + NAMES
        axes.text(column[0], middle, f"{number_of(name)}  {RUNGS[name][0]}", va="center")
        axes.barh(middle, scale * height, left=left, height=7, color=RUNGS[name][1]["color"])
        axes.text(left + scale * height + 4, middle, f"{height:.2f}", va="center")


def put_loop(axes, column, y):
    """The loop: a box for each part, and the way back from the last to the first. Returns where it ends."""
    low, high = column
    put_heading(axes, column, y, "ppo")
    y, edge, arrow = y + SPACE + 2, high - 14, {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0}
    middles = []
    for part, lines in LOOP.items():
        tall = 14 + 13.5 * len(lines)
        box = FancyBboxPatch((low + 3, y - 5), edge - low - 6, tall - 4, boxstyle="round,pad=3")
        axes.add_patch(box).set(facecolor="#F3F7FA", edgecolor=POLICY["color"], linewidth=0.9)
        axes.text(low + 6, y + 2, part, weight="bold", size=8, va="center")
        for row, (name, words) in enumerate(lines.items(), start=1):
            below = y + 2 + 13.5 * row
            axes.text(low + 6, below, words, family="STIXGeneral", size=FORMULA - 0.5, va="center")
            put_name(axes, edge - 18, below, name, ha="right")
            axes.text(edge - 14, below, number_of(lesson_of(name)), va="center", color=OLD_POLICY["color"])
        middles.append(y + tall / 2 - 7)
        y += tall + 11
        if len(middles) < len(LOOP):
            ends = ((low + edge) / 2, y - 17), ((low + edge) / 2, y - 8)
            axes.add_patch(FancyArrowPatch(*ends, **arrow, color=POLICY["color"]))
    axes.plot([edge, high - 3, high - 3], [middles[-1], middles[-1], middles[0]], color=POLICY["color"], linewidth=1)
    axes.add_patch(FancyArrowPatch((high - 3, middles[0]), (edge, middles[0]), **arrow, color=POLICY["color"]))
    return y + 6


def put_defaults(axes, column, y):
    """Every default of `Config` in two columns, with the letter that the formulas have for it."""
    game, *fields = dataclasses.fields(Config)
    words = f"Config: every default, for {game.default.removeprefix('ppo_lessons/')}"
    put_rule(axes, column, y, words, file_of("trainer.config.Config"))
    half = -(-len(fields) // 2)
    for number, field in enumerate(fields):
        right, row = divmod(number, half)
        x, below = column[0] + 116 * right, y + 18 + 11.5 * row
        axes.text(x, below, field.name, family="monospace", va="center")
        axes.text(x + (66, 80)[right], below, LETTERS.get(field.name, ""), va="center")
        axes.text(x + (106, 118)[right], below, f"{field.default}", va="center", ha="right")


def page():
    """The page as a Figure."""
    figure = Figure(figsize=[side / 72 for side in PAPER])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, PAPER[0]), ylim=(PAPER[1], 0))
    axes.axis("off")
    axes.text(LEFT[0], 30, "PPO, derived step by step", size=15, weight="bold", va="center")
    put_variances(axes, LEFT, put_lessons(axes, LEFT, LESSONS[:6]))
    put_defaults(axes, MIDDLE, put_loop(axes, MIDDLE, TOP))
    put_lessons(axes, RIGHT, LESSONS[6:])
    axes.text(LEFT[0], 563, SYMBOLS, size=SMALL + 0.5, linespacing=1.4, va="center")
    return figure


def write(file):
    """Write the page as a PDF that is the same each time."""
    with matplotlib.rc_context(PAGE_RC):
        metadata = {"Title": "PPO, derived step by step", "CreationDate": None, "ModDate": None}
        page().savefig(file, format="pdf", metadata=metadata)
