"""The course on one printable page: every formula beside its function, and the three tables to remember."""

import matplotlib
from matplotlib.figure import Figure

from ppo_lessons import data
from ppo_lessons.experiments import ladder
from ppo_lessons.experiments.clip import CASES
from ppo_lessons.experiments.ppo import SOLVED
from ppo_lessons.experiments.variance_ladder import variances
from ppo_lessons.figures.clip import case_row
from ppo_lessons.figures.style import BIAS, GRID, OLD_POLICY, POLICY, RC, RETURN, quiet_grid
from ppo_lessons.figures.variance_ladder import RUNGS

A4 = (11.69, 8.27)  # inches, landscape
SMALL, FORMULA, HEADING = 6.5, 9.4, 9.5  # points
EPSILON = 0.2
RIGHT = 0.69  # where the right column begins
PAGE_RC = {
    **RC,
    "font.size": 7,
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,  # whole TrueType fonts: the text can be searched and copied
}

# Each public function of the lessons, in the order of the derivation, and what it computes; then the trainer's sum.
FORMULAS = {
    "expectation.expectation": r"$E[x] = \sum_i\, x_i\, p(x_i)$",
    "expectation.standard_error": r"$\mathrm{SE} = s / \sqrt{n},\quad s^2 = \frac{1}{n-1}\sum_i\, (x_i - \bar x)^2$",
    "policy_gradient.softmax_policy": r"$\pi(a|s) = e^{z_a / T} \,/\, \sum_b\, e^{z_b / T}$",
    "policy_gradient.expected_return": r"$J(\theta) = \sum_\tau\, R(\tau)\, P_\theta(\tau)$",
    "log_trick.score_objective": r"$\nabla J \approx \frac{1}{N}\sum_n \sum_t\, \Psi_t\, \nabla \log \pi(a_t|s_t)$",
    "reward_to_go.reward_to_go": r"$G_t = \sum_{k=t}^{T-1} \gamma^{k-t}\, r_k = r_t + \gamma\, G_{t+1}$",
    "baseline.subtract_baseline": r"$\Psi_t = G_t - V(s_t)$",
    "baseline.value_loss": r"$L_V = \mathrm{mean}\,(V(s_t) - \mathrm{target}_t)^2$",
    "baseline.clipped_value_loss": r"$\mathrm{mean}\, \max((V - \mathrm{target})^2,\; "
    r"(\mathrm{clip}(V) - \mathrm{target})^2)$,  clip to $V_{\mathrm{old}} \pm \epsilon$",
    "baseline.explained_variance": r"$1 - \mathrm{Var}[G - V] \,/\, \mathrm{Var}[G]$",
    "corridor.Corridor.tables": r"$Q(s,a) = E[r + \gamma V(s^\prime)],\quad V(s) = \sum_a\, \pi(a|s)\, Q(s,a)$",
    "advantage.td_error": r"$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t),\quad V = 0$ after the end",
    "advantage.n_step_advantage": r"$A^{(n)}_t = \sum_{l=0}^{n-1}\, \gamma^l r_{t+l} + \gamma^n V(s_{t+n}) - V(s_t)$",
    "advantage.normalize": r"$(A - \bar A) \,/\, (\mathrm{std}\, A + 10^{-8})$",
    "gae.gae": r"$A_t = (1-\lambda)(A^{(1)}_t + \lambda A^{(2)}_t + \dots) "
    r"= \sum_{l=0}^{T-1-t}\, (\gamma\lambda)^l \delta_{t+l} = \delta_t + \gamma\lambda\, A_{t+1}$",
    "importance_sampling.ratio": r"$\rho_t = \pi(a_t|s_t) \,/\, \pi_{\mathrm{old}}(a_t|s_t)$",
    "importance_sampling.surrogate_objective": r"$L = \mathrm{mean}\, \rho_t A_t$",
    "importance_sampling.effective_sample_size": r"$\mathrm{ESS} = (\sum_i\, w_i)^2 \,/\, \sum_i\, w_i^2$",
    "kl_penalty.kl_divergence": r"$\mathrm{KL}(p\|q) = \sum_a\, p(a)\,(\log p(a) - \log q(a))$",
    "kl_penalty.approximate_kl": r"$k_1 = -\log\rho,\;\; k_2 = \frac{1}{2}(\log\rho)^2,\;\; k_3 = \rho - 1 - \log\rho$",
    "kl_penalty.penalized_objective": r"$L = \mathrm{mean}\, \rho_t A_t - \beta\, \mathrm{mean}\, \mathrm{KL}_t$",
    "kl_penalty.adapt_beta": r"$\beta/2$ if $\mathrm{KL} < d/1.5$;  $2\beta$ if $\mathrm{KL} > 1.5\,d$;  else $\beta$",
    "kl_penalty.early_stop": r"no further epoch if $\mathrm{mean}\, \mathrm{KL}_t > d$",
    "clip.clip_ratio": r"$\mathrm{clip}(\rho) = \max(\min(\rho,\, 1+\epsilon),\, 1-\epsilon)$",
    "clip.clipped_objective": r"$L = \mathrm{mean}\, \min(\rho_t A_t,\; \mathrm{clip}(\rho_t)\, A_t)$",
    "entropy.entropy": r"$H = -\sum_a\, \pi(a|s) \log \pi(a|s)$",
    "trust_region.fisher_product": r"$F v = \nabla(\nabla \mathrm{KL} \cdot v) + \mathrm{damping}\cdot v$",
    "trust_region.conjugate_gradient": r"solves $F x = g$, knowing only $v \mapsto F v$",
    "trust_region.trust_region_step": r"$\theta + \sqrt{2 d \,/\, x \cdot F x}\; x$,  halved until KL $\leq d$",
    "ppo.total_loss": r"minimised: $-L - c_H\, \mathrm{mean}\, H + c_V L_V$",
}
SYMBOLS = (
    r"$s_t, a_t, r_t$ state, action, reward of step $t = 0 .. T-1$;  $\tau$ a play, $R(\tau)$ its return;  "
    r"$\pi$ policy, $\theta$ its parameters, $z$ its logits, $T$ in the softmax the temperature;  $V$ critic;"
    "\n"
    r"$\gamma$ discount;  $\lambda$ decay of GAE;  $\epsilon$ half the band;  $\beta$ price of KL;  $d$ target or "
    r"largest KL;  $\Psi_t$ what a step is weighed by;  $c_H, c_V$ of entropy and critic in the loss;"
    "\n"
    r"$w$ importance weights;  $N, n$ number of samples;  $g$ gradient, $F$ Fisher matrix.  "
    r"Names ending in _objective are maximised, in _loss minimised."
)


def put_title(axes, text):
    """A heading where the right column of the page begins."""
    top = axes.get_position().y1 + 0.012
    axes.figure.text(RIGHT, top, text, size=HEADING, weight="bold")


def draw_formulas(axes):
    """All of `FORMULAS` in two columns: the name of the function, and its formula below."""
    axes.axis("off")
    axes.set(xlim=(0, 2), ylim=(0, 1))
    half = -(-len(FORMULAS) // 2)
    for number, (name, formula) in enumerate(FORMULAS.items()):
        column, row = divmod(number, half)
        top = 1 - row / half
        axes.text(column, top, f"ppo_lessons.{name}", family="monospace", size=SMALL, color=POLICY["color"], va="top")
        axes.text(column + 0.02, top - 0.6 / half, formula, family="STIXGeneral", size=FORMULA, va="center")


def draw_variances(axes):
    """The variance ladder: exact variance of the gradient from one play."""
    heights = variances("gae")
    for place, (name, height) in enumerate(heights.items()):
        axes.barh(place, height, color=RUNGS[name][1]["color"], height=0.62)
        axes.text(height + 0.8, place, f"{height:.2f}", va="center")
    axes.set_yticks(range(len(heights)), [RUNGS[name][0] for name in heights])
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlim=(0, 56), ylim=(len(heights) - 0.5, -0.5), xticks=range(0, 51, 10))
    axes.set_xlabel("exact, with the exact critic; the bias is 0")
    put_title(axes, "Variance of the gradient from one play")


def draw_cases(axes):
    """The six cases of the clipped objective, each found by asking autograd."""
    axes.axis("off")
    put_title(axes, f"Clip: six cases (band 1 ± ε, here ε = {EPSILON})")
    rows = [[f"{place} band", sign, *case_row(place, sign, EPSILON)] for place, sign in CASES]
    header = ["ρ", "A", "smaller term", "gradient"]
    table = axes.table([header, *rows], cellLoc="center", colWidths=[0.3, 0.1, 0.36, 0.24], bbox=[0, 0, 1, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor(GRID)
        held = row > 0 and rows[row - 1][3] == "0"
        cell.set_text_props(weight="bold" if row == 0 or (held and column == 3) else "normal")
        cell.set_facecolor("#F0F0F0" if held else "white")


def draw_rungs(axes):
    """What each rung earns on CartPole, from the recorded result of `make ladder`."""
    result = data.load("ladder")
    rows = ladder.summary(result, "finals")
    quiet_grid(axes)
    axes.grid(axis="y", visible=False)
    for place, (mean, interval) in enumerate(rows.values()):
        axes.barh(place, mean, color=RETURN["color"], alpha=0.5, height=0.62)
        axes.plot(interval, [place, place], color="black", linewidth=1.4)
        axes.text(525, place, f"{mean:.0f}", va="center", color=OLD_POLICY["color"])
    axes.axvline(SOLVED, color=BIAS["color"], linestyle="--", linewidth=1.1)
    axes.set_yticks(range(len(rows)), [f"{number}. {name}" for number, name in enumerate(rows, start=1)])
    steps, seeds = result["total_steps"], len(result["seeds"])
    axes.set(xlim=(0, 580), ylim=(len(rows) - 0.4, -0.6), xticks=range(0, 501, 100))
    axes.set_xlabel(f"greedy return after {steps:,} steps, {seeds} seeds")
    put_title(axes, "CartPole: mean and 95% interval")


def page():
    """The page as a Figure."""
    figure = Figure(figsize=A4)
    figure.text(0.03, 0.955, "PPO, derived step by step", size=15, weight="bold")
    figure.text(0.335, 0.955, "every formula beside the function that computes it", size=9, color=OLD_POLICY["color"])
    draw_formulas(figure.add_axes((0.03, 0.095, 0.62, 0.83)))
    draw_variances(figure.add_axes((0.775, 0.745, 0.195, 0.175)))
    draw_cases(figure.add_axes((RIGHT, 0.455, 0.28, 0.19)))
    draw_rungs(figure.add_axes((0.795, 0.125, 0.175, 0.27)))
    figure.text(0.03, 0.03, SYMBOLS, size=SMALL + 1, linespacing=1.4)
    return figure


def write(file):
    """Write the page as a PDF that is the same each time."""
    with matplotlib.rc_context(PAGE_RC):
        metadata = {"Title": "PPO, derived step by step", "CreationDate": None, "ModDate": None}
        page().savefig(file, format="pdf", metadata=metadata)
