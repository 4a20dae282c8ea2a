"""What learners may write for lesson 07."""

import numpy as np
import torch

from ppo_lessons.advantage import n_step_advantage, td_error


def with_a_list(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    result, a = [], 0.0
    for t in range(len(delta) - 1, -1, -1):
        a = delta[t] + gamma * lam * a * (1 - (terminated | truncated)[t].double())
        result.insert(0, a)
    return result


def numpy_style(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    r, v, v_next, end, cut = (x.numpy() for x in (rewards, values, next_values, terminated, truncated))
    advantages = r + gamma * np.where(end, 0, v_next) - v
    for t in range(len(r) - 2, -1, -1):
        advantages[t] += np.where(end[t] | cut[t], 0, gamma * lam * advantages[t + 1])
    return advantages


def double_sum(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = rewards + gamma * next_values * ~terminated - values
    alive = (~(terminated | truncated)).double()
    result = torch.zeros_like(delta)
    for t in range(len(delta)):
        weight = torch.ones_like(delta[0])
        for later in range(t, len(delta)):
            result[t] += weight * delta[later]
            weight = weight * gamma * lam * alive[later]
    return result


def mixture(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    steps, total = len(rewards), 0.0
    for n in range(1, steps + 1):
        weight = (1 - lam) * lam ** (n - 1) if n < steps else lam ** (n - 1)
        total = total + weight * n_step_advantage(rewards, values, next_values, terminated, truncated, gamma=gamma, n=n)
    return total


RIGHT = {"my_gae": [with_a_list, numpy_style, double_sum, mixture]}


def backward(delta, factor):
    """a_t = delta_t + factor_t a_{t+1}, written with a Python list."""
    result = [delta[-1]]
    for t in range(len(delta) - 2, -1, -1):
        result.append(delta[t] + factor[t] * result[-1])
    return torch.stack(result[::-1])


def mended_after_the_loop(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = (rewards + gamma * next_values * ~terminated - values).numpy()
    advantages = delta.copy()
    for t in range(len(delta) - 2, -1, -1):
        advantages[t] += gamma * lam * advantages[t + 1]
    ends = (terminated | truncated).numpy()
    advantages[ends] = delta[ends]
    return advantages


def summed(delta, factor):
    """The same as an explicit sum."""
    rows = []
    for t in range(len(delta)):
        weights = torch.cat([torch.ones_like(factor[:1]), factor[t:-1].cumprod(0)])
        rows.append((weights * delta[t:]).sum(0))
    return torch.stack(rows)


def attempt(loop, delta, factor):
    """A function from a loop and two expressions: delta(r, v, w, end, cut, g, l) and factor(end, cut, g, l)."""

    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        end, cut = terminated.double(), truncated.double()
        d = delta(rewards, values, next_values, end, cut, gamma, lam)
        return loop(d, factor(end, cut, gamma, lam) * torch.ones_like(d))

    return my_gae


def td(r, v, w, end, cut, g, lam):
    return r + g * (1 - end) * w - v


def passed_on(end, cut, g, lam):
    return g * lam * (1 - end) * (1 - cut)


def weighted(weight):
    """weight(distance, gamma lam) for each TD error that belongs to the episode."""

    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = rewards + gamma * next_values * ~terminated - values
        rows = []
        for t in range(len(delta)):
            row, alive = torch.zeros_like(delta[0]), torch.ones_like(delta[0])
            for k in range(t, len(delta)):
                row = row + weight(k - t, gamma * lam) * alive * delta[k]
                alive = alive * ~(terminated | truncated)[k]
            rows.append(row)
        return torch.stack(rows)

    return my_gae


def with_one_flag(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    done, a, result = terminated | truncated, 0.0, []
    following = next_values[-1]
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + gamma * following * ~done[t] - values[t]
        a = delta + gamma * lam * a * ~done[t]
        following = values[t]
        result.insert(0, a)
    return torch.stack(result)


def never_turned(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    out, a = [], torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        goes_on = ~(terminated[t] | truncated[t])
        a = rewards[t] + gamma * next_values[t] * ~terminated[t] - values[t] + gamma * lam * a * goes_on
        out.append(a)
    return torch.stack(out)


def forward_numpy(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = (rewards + gamma * next_values * ~terminated - values).numpy()
    for t in range(1, len(delta)):
        delta[t] += gamma * lam * delta[t - 1] * ~(terminated | truncated)[t - 1].numpy()
    return delta


def forward_over_a_zip(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    out, a = [], torch.zeros_like(rewards[0])
    for r, v, w, end, cut in zip(rewards, values, next_values, terminated, truncated, strict=True):
        a = r + gamma * w * ~end - v + gamma * lam * a * ~(end | cut)
        out.append(a)
    return torch.stack(out)


def with_targets(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td(rewards, values, next_values, terminated.double(), truncated.double(), gamma, lam)
    return backward(delta, passed_on(terminated.double(), truncated.double(), gamma, lam)) + values


def mean_of_those_that_fit(*steps, gamma, lam):
    total, weight = 0.0, 1 - lam
    for n in range(1, len(steps[0]) + 1):
        total = total + weight * n_step_advantage(*steps, gamma=gamma, n=n)
        weight *= lam
    return total


def masked_after_adding(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta, a, result = rewards + gamma * next_values * ~terminated - values, 0.0, []
    for t in reversed(range(len(delta))):
        a = (delta[t] + gamma * lam * a) * ~(terminated[t] | truncated[t])
        result.insert(0, a)
    return torch.stack(result)


def hands_nothing_on(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta, a, result = rewards + gamma * next_values * ~terminated - values, 0.0, []
    for t in reversed(range(len(delta))):
        a = delta[t] + gamma * lam * a
        result.insert(0, a)
        a = torch.where(terminated[t] | truncated[t], 0.0, a)
    return torch.stack(result)


def flag_of_the_next_step(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = rewards + gamma * next_values * ~terminated - values
    for t in range(len(delta) - 2, -1, -1):
        delta[t] += gamma * lam * delta[t + 1] * ~truncated[t + 1] * ~terminated[t + 1]
    return delta


def last_round(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    following = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        following = delta[t] + gamma * lam * following.masked_fill(terminated[t] | truncated[t], 0)
    return following


def return_from_nothing(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    g, result = 0.0, []
    for t in reversed(range(len(rewards))):
        g = g * ~(terminated[t] | truncated[t])
        g = rewards[t] + gamma * (1 - lam) * next_values[t] * ~terminated[t] + gamma * lam * g
        result.insert(0, g - values[t])
    return torch.stack(result)


def numpy_return_from_nothing(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    g = (rewards + gamma * (1 - lam) * next_values * ~terminated).numpy()
    for t in range(len(g) - 2, -1, -1):
        g[t] += np.where((terminated | truncated)[t], 0, gamma * lam * g[t + 1])
    return g - values.numpy()


def two_terms(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    result = delta.clone()
    result[:-1] += gamma * lam * delta[1:] * ~(terminated | truncated)[:-1]
    return result


def nothing_after_the_record(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    following = next_values.clone()
    following[-1] = 0
    return double_sum(rewards, values, following, terminated, truncated, gamma=gamma, lam=lam)


def begins_without_v(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    a = rewards[-1] - values[-1]
    result = [a]
    for t in range(len(rewards) - 2, -1, -1):
        delta = rewards[t] + gamma * next_values[t] * ~terminated[t] - values[t]
        a = delta + gamma * lam * a * ~(terminated | truncated)[t]
        result.insert(0, a)
    return torch.stack(result)


def z_scores(*steps, gamma, lam):
    a = double_sum(*steps, gamma=gamma, lam=lam)
    return (a - a.mean()) / (a.std() + 1e-8)


def numpy_z_scores(*steps, gamma, lam):
    a = numpy_style(*steps, gamma=gamma, lam=lam)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a - a.mean()) / a.std(ddof=1)


WRONG = {
    "my_gae": {
        "returns the last round of the loop alone": [
            last_round,
            lambda *steps, gamma, lam: double_sum(*steps, gamma=gamma, lam=lam)[0],
        ],
        "begins the λ-return with 0": [return_from_nothing, numpy_return_from_nothing],
        "looks one step ahead only": [
            two_terms,
            weighted(lambda distance, f: f**distance if distance < 2 else 0.0),
        ],
        "does not let γλ grow with the distance": [
            weighted(lambda distance, f: f if distance else 1.0),
            weighted(lambda distance, f: f ** min(distance, 1)),
        ],
        "has a factor γλ too many": [
            weighted(lambda distance, f: f ** (distance + 1)),
            lambda *steps, gamma, lam: lam * gamma * double_sum(*steps, gamma=gamma, lam=lam),
        ],
        "returns the steps back to front": [
            never_turned,
            lambda *steps, gamma, lam: double_sum(*steps, gamma=gamma, lam=lam).flip(0),
        ],
        "bootstraps through a terminal state": [
            attempt(backward, lambda r, v, w, end, cut, g, lam: r + g * w - v, passed_on),
            attempt(summed, lambda r, v, w, end, cut, g, lam: r + g * w - v, lambda end, cut, g, lam: g * lam),
        ],
        "stops the sum at the end itself only": [
            lambda r, v, w, end, cut, *, gamma, lam: backward(
                td_error(r, v, w, end, gamma=gamma), [gamma * lam] * len(r)
            ).where(~(end | cut), td_error(r, v, w, end, gamma=gamma)),
            mended_after_the_loop,
        ],
        "lets the sum run across a reset": [
            attempt(backward, td, lambda end, cut, g, lam: g * lam),
            attempt(summed, td, lambda end, cut, g, lam: g * lam * (1 - end)),
        ],
        "treats a time limit as an end": [
            attempt(backward, lambda r, v, w, end, cut, g, lam: r + g * w * (1 - end) * (1 - cut) - v, passed_on),
            attempt(
                summed, lambda r, v, w, end, cut, g, lam: torch.where(end + cut > 0, r - v, r + g * w - v), passed_on
            ),
        ],
        "takes values[t + 1] and treats a time limit as an end": [
            with_one_flag,
            attempt(
                summed,
                lambda r, v, w, end, cut, g, lam: r + g * (end + cut == 0) * torch.cat([v[1:], 0 * w[-1:]]) - v,
                passed_on,
            ),
        ],
        "is off by one in the next values": [
            attempt(
                backward,
                lambda r, v, w, end, cut, g, lam: r + g * (1 - end) * torch.cat([v[1:], w[-1:]]) - v,
                passed_on,
            ),
            attempt(summed, lambda r, v, w, end, cut, g, lam: r + g * (1 - end) * v - v, passed_on),
        ],
        "leaves out V after the last step of the record": [nothing_after_the_record, begins_without_v],
        "normalises the advantages": [z_scores, numpy_z_scores],
        "multiplies λ into δ": [
            attempt(backward, lambda r, v, w, end, cut, g, lam: r + g * lam * (1 - end) * w - v, passed_on),
            attempt(summed, lambda r, v, w, end, cut, g, lam: lam * td(r, v, w, end, cut, g, lam), passed_on),
        ],
        "keeps the factor 1 − λ": [
            lambda *steps, gamma, lam: (1 - lam) * double_sum(*steps, gamma=gamma, lam=lam),
            mean_of_those_that_fit,
        ],
        "adds γ and λ": [
            attempt(backward, td, lambda end, cut, g, lam: (g + lam) * (1 - end) * (1 - cut)),
            attempt(summed, td, lambda end, cut, g, lam: (lam + g) * (end + cut == 0)),
        ],
        "drops the TD error of the step that ends an episode": [
            masked_after_adding,
            attempt(backward, lambda r, v, w, end, cut, g, lam: (1 - cut) * td(r, v, w, end, cut, g, lam), passed_on),
        ],
        "stops the sum one step too early": [hands_nothing_on, flag_of_the_next_step],
        "forgets γ inside δ": [
            attempt(backward, lambda r, v, w, end, cut, g, lam: r + (1 - end) * w - v, passed_on),
            attempt(summed, lambda r, v, w, end, cut, g, lam: r + (1 - end) * w - v, passed_on),
        ],
        "forgets γ in the recursion": [
            attempt(backward, td, lambda end, cut, g, lam: lam * (1 - end) * (1 - cut)),
            attempt(summed, td, lambda end, cut, g, lam: lam * (end + cut == 0)),
        ],
        "forgets λ in the recursion": [
            attempt(backward, td, lambda end, cut, g, lam: g * (1 - end) * (1 - cut)),
            attempt(summed, td, lambda end, cut, g, lam: g * (end + cut == 0)),
        ],
        "returns the TD errors": [
            attempt(backward, td, lambda end, cut, g, lam: 0.0),
            lambda r, v, w, end, cut, *, gamma, lam: r - v + torch.where(end, 0.0, gamma * w),
        ],
        "loops forward": [forward_numpy, forward_over_a_zip],
        "returns the critic's target": [
            lambda r, v, w, end, cut, *, gamma, lam: v + double_sum(r, v, w, end, cut, gamma=gamma, lam=lam),
            with_targets,
        ],
    }
}


EQUIVALENT = {"my_gae": {"following = torch.zeros_like(delta[-1])"}}
