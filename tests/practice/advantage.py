"""What learners may write for lesson 06."""

import numpy as np
import torch


def by_mask(rewards, values, next_values, terminated, *, gamma):
    return rewards + gamma * next_values * (1 - terminated.to(values.dtype)) - values


def numpy_style(rewards, values, next_values, terminated, *, gamma):
    r, v, w, end = (x.numpy() for x in (rewards, values, next_values, terminated))
    return np.where(end, r, r + gamma * w) - v


def entry_by_entry(formula):
    """A function from formula(r, v, V of the next state, has the world ended?, gamma), one number at a time."""

    def my_td_error(rewards, values, next_values, terminated, *, gamma):
        columns = (x.flatten().tolist() for x in (rewards, values, next_values, terminated))
        entries = [formula(r, v, w, end, gamma) for r, v, w, end in zip(*columns, strict=True)]
        return torch.tensor(entries).reshape(rewards.shape)

    return my_td_error


def with_a_clone(rewards, values, next_values, terminated, *, gamma):
    after = next_values.clone()
    after[terminated] = 0
    return torch.add(rewards - values, after, alpha=gamma)


def longer(
    td=lambda r, v, w, end, cut, g: r + g * w * (1 - end) - v,
    factor=lambda g: g,
    times=lambda n: n - 1,
    keep=lambda end, cut: (1 - end) * (1 - cut),
    then=lambda result, v: result,
):
    """A^(n) from A^(n-1), one step longer every time, with five parts to get wrong."""

    def my_n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
        end, cut = terminated.double(), truncated.double()
        delta = td(rewards, values, next_values, end, cut, gamma)
        result = delta
        for _ in range(times(n)):
            following = torch.cat([result[1:], torch.zeros_like(result[:1])])
            result = delta + factor(gamma) * keep(end, cut) * following
        return then(result, values)

    return my_n_step_advantage


def walk(
    count=lambda n: n,
    stop=lambda end, cut: end or cut,
    exponent=lambda t, k: k,
    last=lambda w, end, cut, g, k, n, T: 0 if end else g**k * w,
    each=lambda w, g, k: 0,
    minus=lambda v: v,
):
    """A^(n) as its definition says it, play by play and number by number, with six parts to get wrong."""

    def one_play(r, v, w, end, cut, g, n):
        T = len(r)
        for t in range(T):
            total = -minus(v[t])
            for i in range(t, T):
                total += g ** exponent(t, i - t) * r[i]
                if i + 1 - t >= count(n) or i + 1 == T or stop(end[i], cut[i]):
                    break
                total += each(w[i], g, i + 1 - t)
            yield total + last(w[i], end[i], cut[i], g, i + 1 - t, n, T)

    def my_n_step_advantage(*steps, gamma, n):
        columns = [x.reshape(len(x), -1).T.tolist() for x in steps]
        plays = [list(one_play(*play, gamma, n)) for play in zip(*columns, strict=True)]
        return torch.tensor(plays, dtype=torch.float64).T.reshape(steps[0].shape)

    return my_n_step_advantage


def numpy_windows(rewards, values, next_values, terminated, truncated, *, gamma, n):
    r, v, w, end, cut = (x.numpy() for x in (rewards, values, next_values, terminated, truncated))
    delta = r + gamma * np.where(end, 0, w) - v
    result = np.zeros_like(delta)
    for t in range(len(r)):
        window = slice(t, t + n)
        alive = np.cumprod(~(end | cut)[window], axis=0)
        alive = np.concatenate([np.ones_like(alive[:1]), alive[:-1]])
        powers = gamma ** np.arange(len(alive)).reshape(-1, *[1] * (r.ndim - 1))
        result[t] = (alive * powers * delta[window]).sum(0)
    return result


def shifted(factor):
    """One shift after the other of the TD errors: what the k-th of them counts."""

    def my_n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
        delta = rewards + gamma * next_values.masked_fill(terminated, 0) - values
        result, moved = delta, delta
        for k in range(1, n):
            moved = torch.cat([moved[1:], torch.zeros_like(moved[:1])]) * ~(terminated | truncated)
            result = result + factor(gamma, k) * moved
        return result

    return my_n_step_advantage


def values_of_the_next_row(rewards, values, next_values, terminated, truncated, *, gamma, n):
    following = torch.cat([values[1:], next_values[-1:]])
    return longer()(rewards, values, following, terminated, truncated, gamma=gamma, n=n)


def values_in_a_loop(rewards, values, next_values, terminated, truncated, *, gamma, n):
    result, T = -values, len(rewards)
    for t in range(T):
        alive = torch.ones_like(rewards[0])
        for k in range(t, min(t + n, T)):
            goes_on = ~(terminated | truncated)[k] if k + 1 < min(t + n, T) else torch.zeros_like(terminated[k])
            after = values[k + 1] if k + 1 < T else next_values[k]
            result[t] += gamma ** (k - t) * alive * (rewards[k] + gamma * after * ~terminated[k] * ~goes_on)
            alive = alive * goes_on
    return result


def ends_too_soon(rewards, values, next_values, terminated, truncated, *, gamma, n):
    delta = rewards + gamma * next_values * ~terminated - values
    result = torch.zeros_like(delta)
    for t in range(len(delta)):
        alive = torch.ones_like(delta[0])
        for k in range(t, min(t + n, len(delta))):
            alive = alive * ~(terminated | truncated)[k]
            result[t] += gamma ** (k - t) * alive * delta[k]
    return result


def without_ends(rewards, values, next_values, terminated, truncated, *, gamma, n):
    delta = (rewards + gamma * next_values - values).masked_fill(terminated | truncated, 0)
    zero, never = torch.zeros_like(delta), torch.zeros_like(terminated)
    return numpy_windows(delta, zero, zero, never, terminated | truncated, gamma=gamma, n=n)


def once_for_all_that_follows(rewards, values, next_values, terminated, truncated, *, gamma, n):
    own = rewards + gamma * next_values.masked_fill(terminated, 0) - values
    all_of_them = shifted(lambda gamma, k: 1.0)(rewards, values, next_values, terminated, truncated, gamma=gamma, n=n)
    return own + gamma * (all_of_them - own)


def as_z_scores(advantages):
    spread, mean = torch.std_mean(advantages)
    return (advantages - mean) / (spread + 1e-8)


def by_hand(advantages):
    shifted = advantages - advantages.sum() / advantages.numel()
    return shifted / (((shifted**2).sum() / (advantages.numel() - 1)) ** 0.5 + 1e-8)


def numpy_normal(advantages):
    a = advantages.numpy()
    return (a - np.mean(a)) / (np.std(a, ddof=1) + 1e-8)


RIGHT = {
    "my_td_error": [
        by_mask,
        numpy_style,
        with_a_clone,
        entry_by_entry(lambda r, v, w, end, g: r - v if end else r + g * w - v),
    ],
    "my_n_step_advantage": [longer(), walk(), numpy_windows],
    "my_normalize": [as_z_scores, by_hand, numpy_normal],
}


def formula(expression):
    """A TD error from expression(r, v, w, goes on, gamma) on whole tensors; `goes on` is 1.0 or 0.0."""
    return lambda rewards, values, next_values, terminated, *, gamma: expression(
        rewards, values, next_values, (~terminated).double(), gamma
    )


def rest_of_the_play(rewards, values, next_values, terminated, *, gamma):
    return walk(last=lambda *_: 0)(
        rewards, values, next_values, terminated, 0 * terminated, gamma=gamma, n=len(rewards)
    )


def loop_over_values(rewards, values, next_values, terminated, *, gamma):
    result = rewards - values
    for t in range(len(rewards)):
        after = values[t + 1] if t + 1 < len(values) else next_values[t]
        result[t] += gamma * after * ~terminated[t]
    return result


def later_next_values(rewards, values, next_values, terminated, *, gamma):
    after = torch.zeros_like(next_values)
    after[:-1] = next_values[1:]
    return rewards - values + torch.where(terminated, 0.0, gamma * after)


def discounted_sum(rewards, values, next_values, terminated, *, gamma):
    result = rewards.clone()
    for t in range(len(rewards) - 2, -1, -1):
        result[t] += gamma * result[t + 1]
    return result - values


def ended_for_good(rewards, values, next_values, terminated, *, gamma):
    alive, result = torch.ones_like(rewards[0]), rewards - values
    for t in range(len(rewards)):
        alive = alive * ~terminated[t]
        result[t] += gamma * alive * next_values[t]
    return result


def powers(x, gamma):
    """gamma^t, shaped to multiply x."""
    return torch.tensor([gamma**t for t in range(len(x))]).reshape(-1, *[1] * (x.dim() - 1))


def mean_of_all(*steps, gamma, n):
    return sum(walk(count=lambda n, i=i: i)(*steps, gamma=gamma, n=n) for i in range(1, n + 1)) / n


def sum_of_all(*steps, gamma, n):
    return sum(longer(times=lambda n, i=i: i)(*steps, gamma=gamma, n=n) for i in range(n))


def one_tensor(rewards, values, next_values, terminated, truncated, *, gamma, n):
    delta = rewards + gamma * next_values * ~terminated - values
    result = delta
    for _ in range(1, n):
        result[:-1] = delta[:-1] + gamma * result[1:] * ~(terminated | truncated)[:-1]
    return result


def one_tensor_from_the_end(rewards, values, next_values, terminated, truncated, *, gamma, n):
    delta = (rewards + gamma * next_values * ~terminated - values).numpy()
    goes_on = (~(terminated | truncated)).numpy()
    for _ in range(1, n):
        for t in range(len(delta) - 2, -1, -1):
            delta[t] = delta[t] + gamma * goes_on[t] * delta[t + 1]
    return delta


def only_full_windows(rewards, values, next_values, terminated, truncated, *, gamma, n):
    result = torch.zeros_like(rewards)
    for t in range(len(rewards) - n + 1):
        window = slice(t, t + n)
        steps = (x[window] for x in (rewards, values, next_values, terminated, truncated))
        result[t] = walk()(*steps, gamma=gamma, n=n)[0]
    return result


def td_error_at_the_end(*steps, gamma, n):
    right, short = walk()(*steps, gamma=gamma, n=n), longer(times=lambda n: 0)(*steps, gamma=gamma, n=n)
    return torch.stack([right[t] if t + n <= len(right) else short[t] for t in range(len(right))])


def row_by_row(advantages):
    return torch.stack([as_z_scores(row) for row in advantages]) if advantages.dim() > 1 else as_z_scores(advantages)


def numpy_columns(advantages):
    a = advantages.numpy()
    return (a - a.mean(0)) / (a.std(0, ddof=1) + 1e-8)


def ends_mended_last(rewards, values, next_values, terminated, truncated, *, gamma, n):
    delta = rewards + gamma * next_values.masked_fill(terminated, 0) - values
    result = delta.clone()
    for k in range(1, min(n, len(delta))):
        result[:-k] += gamma**k * delta[k:]
    result[terminated | truncated] = delta[terminated | truncated]
    return result


WRONG = {
    "my_td_error": {
        "bootstraps through a terminal state": [
            formula(lambda r, v, w, on, g: r + g * w - v),
            entry_by_entry(lambda r, v, w, end, g: r + g * w - v),
        ],
        "has the flag upside down": [
            formula(lambda r, v, w, on, g: r + g * w * (1 - on) - v),
            entry_by_entry(lambda r, v, w, end, g: r + g * w - v if end else r - v),
        ],
        "adds or subtracts the flag": [
            formula(lambda r, v, w, on, g: r + g * (w + on) - v),
            entry_by_entry(lambda r, v, w, end, g: r - end + g * w - v),
            entry_by_entry(lambda r, v, w, end, g: r + g * (w - 1) - v if end else r + g * w - v),
        ],
        "never begins again after an end": [
            lambda r, v, w, end, *, gamma: r + torch.where(end.cumsum(0) > 0, 0.0, gamma * w) - v,
            ended_for_good,
        ],
        "drops more than the next value at an end": [
            formula(lambda r, v, w, on, g: on * (r + g * w - v)),
            entry_by_entry(lambda r, v, w, end, g: r if end else r + g * w - v),
        ],
        "forgets to subtract V(s_t)": [
            formula(lambda r, v, w, on, g: r + g * w * on),
            entry_by_entry(lambda r, v, w, end, g: r if end else r + g * w),
        ],
        "is turned around": [
            formula(lambda r, v, w, on, g: v - (r + g * w * on)),
            entry_by_entry(lambda r, v, w, end, g: v - r if end else v - r - g * w),
        ],
        "adds V(s_t)": [
            formula(lambda r, v, w, on, g: v + r + g * w * on),
            entry_by_entry(lambda r, v, w, end, g: r + v if end else r + g * w + v),
        ],
        "forgets γ": [
            formula(lambda r, v, w, on, g: r + w * on - v),
            entry_by_entry(lambda r, v, w, end, g: r - v if end else r + w - v),
        ],
        "discounts V(s_t) too": [
            formula(lambda r, v, w, on, g: r + g * (on * w - v)),
            entry_by_entry(lambda r, v, w, end, g: r - g * v if end else r + g * w - g * v),
        ],
        "discounts the reward": [
            formula(lambda r, v, w, on, g: g * (r + on * w) - v),
            entry_by_entry(lambda r, v, w, end, g: g * r - v + (0 if end else w)),
        ],
        "leaves out V of the next state": [
            formula(lambda r, v, w, on, g: r - v),
            entry_by_entry(lambda r, v, w, end, g: r),
        ],
        "counts all later rewards": [rest_of_the_play, discounted_sum],
        "is off by one in the next values": [loop_over_values, later_next_values],
    },
    "my_n_step_advantage": {
        "drops the TD error of the step that ends an episode": [ends_too_soon, without_ends],
        "does not let γ grow with the distance": [shifted(lambda gamma, k: gamma), once_for_all_that_follows],
        "bootstraps through a terminal state": [
            walk(last=lambda w, end, cut, g, k, n, T: g**k * w),
            longer(td=lambda r, v, w, end, cut, g: r + g * w - v),
        ],
        "stops the sum at the end itself only": [
            lambda r, v, w, end, cut, *, gamma, n: longer(keep=lambda end, cut: 1)(
                r, v, w, end, cut, gamma=gamma, n=n
            ).where(~(end | cut), r + gamma * w * ~end - v),
            ends_mended_last,
        ],
        "lets the sum run across a reset": [
            walk(stop=lambda end, cut: end),
            longer(keep=lambda end, cut: 1),
        ],
        "treats a time limit as an end": [
            walk(last=lambda w, end, cut, g, k, n, T: 0 if end or cut else g**k * w),
            longer(td=lambda r, v, w, end, cut, g: r + g * w * (1 - end) * (1 - cut) - v),
        ],
        "reads V of the next state off values": [values_of_the_next_row, values_in_a_loop],
        "divides by n": [
            lambda *steps, gamma, n: numpy_windows(*steps, gamma=gamma, n=n) / n,
            lambda *steps, gamma, n: longer()(*steps, gamma=gamma, n=n) * n**-1,
        ],
        "takes one step too many": [walk(count=lambda n: n + 1), longer(times=lambda n: n)],
        "takes one step too few": [walk(count=lambda n: n - 1), longer(times=lambda n: n - 2)],
        "stops at one step whatever n is": [walk(count=lambda n: 1), longer(times=lambda n: 0)],
        "sums up to the end whatever n is": [walk(count=lambda n: 10**6), longer(times=lambda n: 20)],
        "has a wrong exponent at the last value": [
            walk(last=lambda w, end, cut, g, k, n, T: g**n * w * (not end)),
            walk(last=lambda w, end, cut, g, k, n, T: 0 if end else g ** (k - 1) * w),
            walk(last=lambda w, end, cut, g, k, n, T: 0 if end else g**T * w),
        ],
        "counts the exponent from the start of the record": [
            lambda *steps, gamma, n: powers(steps[0], gamma) * numpy_windows(*steps, gamma=gamma, n=n),
            walk(exponent=lambda t, k: t + k),
        ],
        "forgets γ between the steps": [longer(factor=lambda g: 1), longer(factor=lambda g: g**0)],
        "forgets to subtract V(s_t)": [walk(minus=lambda v: 0), longer(then=lambda result, v: result + v)],
        "leaves out the critic at the last step": [
            walk(last=lambda *_: 0),
            walk(last=lambda w, end, cut, g, k, n, T: g**k * w if not end and (k == n or cut) else 0),
        ],
        "lets the critic speak after every reward": [
            walk(each=lambda w, g, k: g**k * w),
            longer(td=lambda r, v, w, end, cut, g: r + g * w * (1 - end), then=lambda result, v: result - v),
        ],
        "overwrites the TD errors while it still reads them": [one_tensor, one_tensor_from_the_end],
        "gives up where fewer than n steps are left": [only_full_windows, td_error_at_the_end],
        "adds up the shorter advantages too": [mean_of_all, sum_of_all],
    },
    "my_normalize": {
        "does not subtract the mean": [
            lambda a: a / (a.std() + 1e-8),
            lambda a: a * ((a.numel() - 1) / ((a - a.mean()) ** 2).sum()) ** 0.5,
        ],
        "takes the median for the mean": [
            lambda a: (a - sorted(a.flatten())[(a.numel() - 1) // 2]) / (a.std() + 1e-8),
            lambda a: (a - float(np.median(a.numpy()))) / (a.std() + 1e-8),
        ],
        "does not divide by the standard deviation": [
            lambda a: a - a.sum() / a.numel(),
            lambda a: a.numpy() - np.mean(a.numpy()),
        ],
        "lets the division reach only one of the two": [
            lambda a: a - torch.mean(a) / (torch.std(a) + 1e-8),
            lambda a: -a.mean() + a / (((a - a.mean()) ** 2).sum() / (a.numel() - 1)) ** 0.5,
        ],
        "takes the mean distance for the standard deviation": [
            lambda a: (a - a.mean()) / ((a - a.mean()).abs().sum() / a.numel() + 1e-8),
            lambda a: (a - a.mean()) / np.mean(np.abs(a.numpy() - a.numpy().mean())),
        ],
        "divides by the variance": [
            lambda a: (a - a.mean()) / (a.std() ** 2 + 1e-8),
            lambda a: (a - a.mean()) * (a.numel() - 1) / ((a - a.mean()) ** 2).sum(),
        ],
        "divides by N instead of N − 1 inside the standard deviation": [
            lambda a: (a - a.mean()) / (float(np.std(a.numpy())) + 1e-8),
            lambda a: (a - a.mean()) / ((a**2).mean() - a.mean() ** 2).clamp(min=0).sqrt(),
        ],
        "normalises each column by itself": [row_by_row, numpy_columns],
        "divides by the standard deviation alone": [
            lambda a: (a - a.mean()) / a.std(),
            lambda a: (a - a.mean()) * ((a.numel() - 1) / ((a - a.mean()) ** 2).sum()) ** 0.5,
        ],
        "returns equal numbers as they are": [
            lambda a: a if torch.std(a) == 0 else (a - a.mean()) / (a.std() + 1e-8),
            lambda a: a if a.max() == a.min() else as_z_scores(a),
        ],
        "has another small number, or has it in another place": [
            lambda a: (a - a.mean()) / (a.var() + 1e-8) ** 0.5,
            lambda a: (a - a.mean()) / (a.std() + 1e-6),
        ],
        "scales by the largest number": [
            lambda a: (a - a.mean()) / max((a - a.mean()).abs().flatten()),
            lambda a: (a - a.mean()) / a.abs().amax(),
        ],
        "scales by the range": [
            lambda a: (a - min(a.flatten())) / (max(a.flatten()) - min(a.flatten())),
            lambda a: (a - a.mean()) / (a.amax() - a.amin() + 1e-8),
        ],
        "divides by the length of the vector": [
            lambda a: (a - a.mean()) / (torch.linalg.vector_norm(a - a.mean()) + 1e-8),
            lambda a: a / torch.linalg.vector_norm(a),
        ],
        "turns the signs around": [
            lambda a: (a.mean() - a) / (a.std() + 1e-8),
            lambda a: -as_z_scores(a),
        ],
    },
}

EQUIVALENT = {"my_n_step_advantage": {"for _ in range(min(len(delta), n) - 1):"}}
