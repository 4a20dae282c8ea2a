"""Practice for lesson 06."""

import torch

from ppo_lessons.advantage import n_step_advantage, normalize, td_error
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, chance, normal, real
from ppo_lessons.practice.running import ADVANTAGES, NEXT_VALUES, REWARDS, TERMINATED, TRUNCATED, VALUES
from ppo_lessons.reward_to_go import reward_to_go

NO, YES = False, True
SUCCESSOR, REWARD_ALONE, WRONG, PRACTICE = (
    "3. Only V has to be learned",
    "6. Why a critic, and not just the reward?",
    "11. What usually goes wrong",
    "13. Practice",
)
SUM, ENDS, WRONG_07 = (  # of lesson 07, where the n-step advantage is written: it needs `truncated`
    "3. From an average to a sum",
    "7. Three ways to stop",
    "8. What usually goes wrong",
)


def case(label, rewards, values, next_values, *flags, **numbers):
    """Rewards and values, `terminated` and, for the n-step advantage, `truncated`."""
    inputs = real(rewards=rewards, values=values, next_values=next_values)
    flags = {name: torch.as_tensor(x) for name, x in zip(("terminated", "truncated"), flags, strict=False)}
    return Case(label, {**inputs, **flags}, numbers)


def games(label, *shape, seed, ends, cuts, **numbers):
    """Random games: V of the next state is what the next step calls V, except where an episode ends."""
    rewards, values, after = normal(3, *shape, seed=seed)
    terminated, truncated = chance(ends, *shape, seed=seed + 1), chance(cuts, *shape, seed=seed + 2)
    goes_on = ~(terminated | truncated)
    goes_on[-1] = False
    return case(label, rewards, values, after.where(~goes_on, values.roll(-1, 0)), terminated, truncated, **numbers)


def shift(x, last):
    """x_{t+1}; at the last step `last`."""
    return torch.cat([x[1:], last])


# td_error


def variant(formula, bootstrap=lambda v, ended: v.masked_fill(ended, 0)):
    """A function from formula(r, V, V of the next state, gamma) and from what counts as V of the next state."""

    def function(rewards, values, next_values, terminated, *, gamma):
        return formula(rewards, values, bootstrap(next_values, terminated), gamma)

    return function


def both(formula):
    """The mistake with care at an end, and without it."""
    return variant(formula), variant(formula, lambda v, ended: v)


def delta(r, v, following, g):
    return r + g * following - v


def next_from_values(last):
    """V of the next state read off `values`, one step later."""

    def function(rewards, values, next_values, terminated, *, gamma):
        following = shift(values, last(values, next_values)[-1:]).masked_fill(terminated, 0)
        return rewards + gamma * following - values

    return function


def all_later_rewards(rewards, values, next_values, terminated, *, gamma):
    return reward_to_go(rewards, gamma=gamma) - values


def later_rewards_of_the_episode(rewards, values, next_values, terminated, *, gamma):
    never = torch.zeros_like(terminated)
    zero = torch.zeros_like(values)
    return n_step_advantage(rewards, zero, zero, terminated, never, gamma=gamma, n=len(rewards)) - values


def nothing_at_the_end(rewards, values, next_values, terminated, *, gamma):
    return (rewards + gamma * next_values - values).masked_fill(terminated, 0)


def reward_alone_at_the_end(rewards, values, next_values, terminated, *, gamma):
    return rewards + (gamma * next_values - values).masked_fill(terminated, 0)


def minus_value_at_the_end(rewards, values, next_values, terminated, *, gamma):
    return (rewards + gamma * next_values).masked_fill(terminated, 0) - values


TD_ERROR = Exercise(
    function=td_error,
    notebook="06_advantage",
    first="write the formula of the TD error as it stands in section 3. The check then shows a step at which the world "
    "ends.",
    hints=(
        "All steps are computed at once: the formula works on whole tensors, and no loop is needed.",
        "`next_values` already holds V of the state after each step. It is the only term with γ.",
        "Where terminated is true nothing comes any more, so V of the next state counts as 0: "
        "`next_values.masked_fill(terminated, 0)`.",
    ),
    running=case("the running trajectory", REWARDS, VALUES, NEXT_VALUES, TERMINATED, gamma=1.0),
    cases=[
        case("one step", [5.0], [1.0], [3.0], [NO], gamma=0.5),
        case("one step that ends the world", [5.0], [1.0], [3.0], [YES], gamma=0.5),
        case("γ = 1", [5.0], [1.0], [3.0], [NO], gamma=1.0),
        case("γ = 0", [5.0], [1.0], [3.0], [NO], gamma=0.0),
        case("two steps", [5.0, -2.0], [1.0, 2.5], [2.5, 4.0], [NO, NO], gamma=0.5),
        case("an end, then a new episode", [5.0, -2.0], [1.0, 2.5], [7.0, 4.0], [YES, NO], gamma=0.5),
        case("a time limit, then a new episode", [5.0, -2.0], [1.0, 2.5], [7.0, 4.0], [NO, NO], gamma=0.5),
        case("two games side by side", *normal(3, 2, 2, seed=7), [[NO, YES], [NO, NO]], gamma=0.9),
        case("several steps", *normal(3, 6, seed=1), chance(0.3, 6, seed=2), gamma=0.9),
        case("several games side by side", *normal(3, 5, 4, seed=3), chance(0.3, 5, 4, seed=4), gamma=0.8),
    ],
    mistakes=[
        Mistake(
            "bootstraps through a terminal state",
            "Where the world has ended nothing comes any more, so V of the next state must count as 0.",
            WRONG,
            (variant(delta, lambda v, ended: v),),
        ),
        Mistake(
            "has the flag upside down",
            "V of the next state counts where the world goes on, and it is 0 where it has ended: ~terminated.",
            WRONG,
            (variant(delta, lambda v, ended: v * ended),),
        ),
        Mistake(
            "adds or subtracts the flag",
            "As a number the flag is 0 or 1. It must multiply V of the next state, by 0 at an end; added or subtracted "
            "it only moves the result a little, and V stays.",
            WRONG,
            (
                variant(delta, lambda v, ended: v - ended.to(v.dtype)),
                variant(delta, lambda v, ended: v + (~ended).to(v.dtype)),
                lambda rewards, values, next_values, terminated, *, gamma: (
                    rewards - terminated.to(rewards.dtype) + gamma * next_values - values
                ),
            ),
        ),
        Mistake(
            "never begins again after an end",
            "The row after an end is the first of a new episode: a flag is about its own step alone.",
            WRONG,
            (lambda r, v, w, end, *, gamma: r + gamma * w * (~end).to(w).cumprod(0) - v,),
        ),
        Mistake(
            "drops more than the next value at an end",
            "Only V of the next state is 0 there. The reward was paid, and V(s_t) was promised.",
            WRONG,
            (nothing_at_the_end, reward_alone_at_the_end, minus_value_at_the_end),
        ),
        Mistake(
            "forgets to subtract V(s_t)",
            "r + γ V(s_{t+1}) estimates Q; the advantage is Q − V.",
            SUCCESSOR,
            both(lambda r, v, following, g: r + g * following),
        ),
        Mistake(
            "is turned around",
            "The advantage is what came, r + γ V(s_{t+1}), less what was promised, V(s_t).",
            SUCCESSOR,
            both(lambda r, v, following, g: v - r - g * following),
        ),
        Mistake(
            "adds V(s_t)",
            "What the state promised is a baseline: it is subtracted.",
            SUCCESSOR,
            both(lambda r, v, following, g: r + g * following + v),
        ),
        Mistake(
            "forgets γ",
            "V of the next state comes one step later, so it counts γ times as much.",
            SUCCESSOR,
            both(lambda r, v, following, g: r + following - v),
        ),
        Mistake(
            "discounts V(s_t) too",
            "s_t is now: only V of the next state has the factor γ.",
            SUCCESSOR,
            both(lambda r, v, following, g: r + g * (following - v)),
        ),
        Mistake(
            "discounts the reward",
            "r_t is paid now: only V of the next state has the factor γ.",
            SUCCESSOR,
            (
                *both(lambda r, v, following, g: g * (r + following) - v),
                *both(lambda r, v, following, g: g * r + following - v),
                *both(lambda r, v, following, g: g * (r + following - v)),
            ),
        ),
        Mistake(
            "leaves out V of the next state",
            "The reward says what the action brought now; V of the next state says what it made possible.",
            REWARD_ALONE,
            (variant(lambda r, v, following, g: r - v), variant(lambda r, v, following, g: r)),
        ),
        Mistake(
            "counts all later rewards",
            "G − V is the weight of lesson 05. Here V of the next state stands for everything after the first reward.",
            SUCCESSOR,
            (all_later_rewards, later_rewards_of_the_episode),
        ),
        Mistake(
            "is off by one in the next values",
            "next_values[t] already is V of the state after step t; values[t + 1] is another episode's where step t "
            "ended one.",
            PRACTICE,
            (
                variant(delta, lambda v, ended: shift(v, v[-1:]).masked_fill(ended, 0)),
                variant(delta, lambda v, ended: shift(v, 0 * v[-1:]).masked_fill(ended, 0)),
                variant(delta, lambda v, ended: v.roll(-1, 0).masked_fill(ended, 0)),
                next_from_values(lambda values, next_values: next_values),
                next_from_values(lambda values, next_values: 0 * values),
                next_from_values(lambda values, next_values: values[:1]),
            ),
        ),
    ],
)

# n_step_advantage


def walk(
    term=lambda r, v, following, g, speaks: r + g * following * speaks,
    exponent=lambda t, k, n: k,
    number=lambda n, T: n,
    stops=lambda ended, cut: ended | cut,
    bootstrap=lambda v, ended, cut: v.masked_fill(ended, 0),
    start=lambda v: v,
):
    """A^(n) summed up step by step: reward by reward, and the critic at the last one.

    term: what the k-th step after t adds, where `speaks` says that it is the last one.
    exponent: of gamma in front of it. number: how many steps. stops: where the sum ends early.
    bootstrap: what counts as V of the next state. start: what is subtracted.
    """

    def function(rewards, values, next_values, terminated, truncated, *, gamma, n):
        T, following = len(rewards), bootstrap(next_values, terminated, truncated)
        stop, n = stops(terminated, truncated), number(n, T)
        result = -start(values)
        for t in range(T):
            alive = torch.ones_like(stop[t])
            for k in range(min(n, T - t)):
                speaks = stop[t + k] | (k == n - 1) | (t + k == T - 1)
                added = term(rewards[t + k], values[t + k], following[t + k], gamma, speaks)
                result[t] += alive * gamma ** exponent(t, k, n) * added
                alive = alive & ~stop[t + k]
        return result

    return function


def with_last_value(value, exponent=lambda t, k: k):
    """A^(n) whose last term, after k rewards, is value(V of the next state, gamma, k, n, T, ended or at step n?)."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, n):
        T, following = len(rewards), next_values.masked_fill(terminated, 0)
        result = -values
        for t in range(T):
            alive = torch.ones_like(terminated[t])
            for k in range(min(n, T - t)):
                stop = terminated[t + k] | truncated[t + k]
                speaks = stop | (k == n - 1) | (t + k == T - 1)
                last = value(following[t + k], gamma, k + 1, n, T, (k == n - 1) | stop)
                result[t] += alive * (gamma ** exponent(t, k) * rewards[t + k] + speaks * last)
                alive = alive & ~stop
        return result

    return function


def along(r, v, following, g, speaks):
    """A TD error at every step: the same sum if V of the next state is the V that the next step subtracts."""
    return r + g * following - v


def summed(bootstrap=lambda v, ended, cut: v.masked_fill(ended, 0), stops=lambda ended, cut: ended | cut, **parts):
    """A sum of TD errors."""
    return walk(along, bootstrap=bootstrap, stops=stops, start=torch.zeros_like, **parts)


def twice(**parts):
    """The mistake in the sum of rewards, and in the sum of TD errors."""
    return walk(**parts), summed(**parts)


def drops_ends(which):
    """The step where `which` is true is left out of every sum."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, n):
        keep = ~which(terminated, truncated)
        return n_step_advantage(
            keep * rewards,
            keep * values,
            keep * next_values.masked_fill(terminated, 0),
            terminated,
            truncated,
            gamma=gamma,
            n=n,
        )

    return function


def all_shorter_ones(average):
    """Every A^(1) ... A^(n), added up or averaged."""

    def function(*steps, gamma, n):
        total = sum(n_step_advantage(*steps, gamma=gamma, n=i) for i in range(1, n + 1))
        return total / n if average else total

    return function


def in_place(backwards):
    """n - 1 rounds of A_t = A_t + gamma A_{t+1} in one tensor, from either end."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, n):
        delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
        steps = range(len(delta) - 1)
        for _ in range(n - 1):
            for t in reversed(steps) if backwards else steps:
                delta[t] += gamma * delta[t + 1] * ~(terminated | truncated)[t]
        return delta

    return function


def gives_up(instead):
    """Right where n steps are left; `instead` of the TD error elsewhere."""

    def function(*steps, gamma, n):
        right = n_step_advantage(*steps, gamma=gamma, n=n)
        enough = max(len(right) - n + 1, 0)
        return torch.cat([right[:enough], instead(td_error(*steps[:4], gamma=gamma), steps[1])[enough:]])

    return function


def as_if_cut(v, ended, cut):
    return v.masked_fill(ended | cut, 0)


def stops_after_the_loop(*steps, gamma, n):
    """The sum runs on over ends; only at the ends themselves it is replaced by the TD error."""
    whole = summed(stops=lambda ended, cut: torch.zeros_like(ended))(*steps, gamma=gamma, n=n)
    return torch.where(steps[3] | steps[4], td_error(*steps[:4], gamma=gamma), whole)


BEFORE_AN_END = [1.0, 4.0, 9.0], [0.5, 2.0, 3.0], [2.0, 6.0, 7.0], [NO, YES, NO], [NO, NO, NO]


N_STEP = Exercise(
    function=n_step_advantage,
    notebook="07_gae",
    first="return the TD errors; that is n = 1. The check then shows the smallest input with n = 2.",
    hints=(
        "A^(n) is a sum of n TD errors with the factors 1, γ, γ², …: the values between the first and the last cancel. "
        "So begin with `from ppo_lessons.advantage import td_error` and "
        "`delta = td_error(rewards, values, next_values, terminated, gamma=gamma)`.",
        "A^(n) from A^(n−1), one step longer: A^(n)_t = δ_t + γ A^(n−1)_{t+1}. Do this n − 1 times, "
        "each time into a new tensor.",
        "Where step t is terminated or truncated, or is the last of the record, nothing is added, in each of the n − 1 "
        "rounds. If row t of `later` holds A^(n−1)_{t+1}, `later = later.masked_fill(terminated | truncated, 0)` comes "
        "before it is added.",
    ),
    running=case("the running trajectory", REWARDS, VALUES, NEXT_VALUES, TERMINATED, TRUNCATED, gamma=1.0, n=2),
    cases=[
        case("one step", [1.0], [0.5], [2.0], [NO], [NO], gamma=0.5, n=1),
        case("one step that ends the world", [1.0], [0.5], [2.0], [YES], [NO], gamma=0.5, n=1),
        case("one step at a time limit", [1.0], [0.5], [2.0], [NO], [YES], gamma=0.5, n=1),
        case("an end at the time limit: the end counts", [1.0], [0.5], [2.0], [YES], [YES], gamma=0.5, n=1),
        case("fewer steps than n", [1.0], [0.5], [2.0], [NO], [NO], gamma=0.5, n=3),
        case("two steps, n = 1", [1.0, 4.0], [0.5, 2.0], [2.0, 6.0], [NO, NO], [NO, NO], gamma=0.5, n=1),
        case("two steps, n = 2", [1.0, 4.0], [0.5, 2.0], [2.0, 6.0], [NO, NO], [NO, NO], gamma=0.5, n=2),
        case("an end, then a new episode", [1.0, 4.0], [0.5, 3.0], [2.0, 6.0], [YES, NO], [NO, NO], gamma=0.5, n=2),
        case(
            "a time limit, then a new episode", [1.0, 4.0], [0.5, 3.0], [2.0, 6.0], [NO, NO], [YES, NO], gamma=0.5, n=2
        ),
        case("a step, an end, then a new episode", *BEFORE_AN_END, gamma=0.5, n=3),
        case("n = 2", [1.0, 4.0, 9.0], [0.5, 2.0, 3.0], [2.0, 3.0, 7.0], [NO] * 3, [NO] * 3, gamma=0.5, n=2),
        case("n = 3", [1.0, 4.0, 9.0], [0.5, 2.0, 3.0], [2.0, 3.0, 7.0], [NO] * 3, [NO] * 3, gamma=0.5, n=3),
        case(
            "two games side by side, one ends",
            [[1.0, 10.0], [4.0, 40.0]],
            [[0.5, 3.0], [2.0, 20.0]],
            [[7.0, 20.0], [6.0, 30.0]],
            [[YES, NO], [NO, NO]],
            [[NO, NO], [NO, NO]],
            gamma=0.5,
            n=2,
        ),
        games("several games side by side", 9, 5, seed=1, ends=0.15, cuts=0.15, gamma=0.9, n=4),
        games("a batch of any shape", 6, 2, 3, seed=4, ends=0.2, cuts=0.2, gamma=0.8, n=3),
    ],
    mistakes=[
        Mistake(
            "bootstraps through a terminal state",
            "Where the world has ended nothing comes any more, so V of the next state must count as 0.",
            WRONG_07,
            twice(bootstrap=lambda v, ended, cut: v),
        ),
        Mistake(
            "lets the sum run across a reset",
            "After a step that is terminated or truncated a new episode begins: the sum must end at both.",
            ENDS,
            (
                *twice(stops=lambda ended, cut: ended),
                *twice(stops=lambda ended, cut: cut),
                *twice(stops=lambda ended, cut: ended & cut & ~ended),
            ),
        ),
        Mistake(
            "stops the sum at the end itself only",
            "The steps before an end must not see beyond it either: put 0 there in each round, not once after all.",
            ENDS,
            (stops_after_the_loop,),
        ),
        Mistake(
            "treats a time limit as an end",
            "At truncated the world would have gone on: the sum ends, and the critic speaks for the rest.",
            ENDS,
            (*twice(bootstrap=as_if_cut), *twice(bootstrap=as_if_cut, stops=lambda ended, cut: ended)),
        ),
        Mistake(
            "reads V of the next state off values",
            "After the last step of an episode the next row of `values` is another episode's. next_values holds V of "
            "the state that each step led to, also at a time limit.",
            ENDS,
            (
                lambda r, v, w, end, cut, *, gamma, n: n_step_advantage(
                    r, v, shift(v, w[-1:]), end, cut, gamma=gamma, n=n
                ),
            ),
        ),
        Mistake(
            "divides by n",
            "A^(n) is a sum and no mean: a further reward does not make the earlier ones count less.",
            SUM,
            (lambda *steps, gamma, n: n_step_advantage(*steps, gamma=gamma, n=n) / n,),
        ),
        Mistake(
            "takes one step too many",
            "n counts real rewards: with n = 1 there is one, r_t, and then the critic.",
            SUM,
            twice(number=lambda n, T: n + 1),
        ),
        Mistake(
            "takes one step too few",
            "n counts real rewards: r_t is the first one, so the last one is n − 1 steps later.",
            SUM,
            (*twice(number=lambda n, T: max(n - 1, 1)), walk(number=lambda n, T: n - 1)),
        ),
        Mistake(
            "stops at one step whatever n is",
            "The TD error is the case n = 1; a larger n adds further rewards before the critic speaks.",
            SUM,
            (walk(number=lambda n, T: 1),),
        ),
        Mistake(
            "sums up to the end whatever n is",
            "After n rewards the critic speaks for the rest.",
            SUM,
            twice(number=lambda n, T: T),
        ),
        Mistake(
            "has a wrong exponent at the last value",
            "V(s_{t+k}), after k rewards, has the factor γ^k: also where the sum ends before n, and never γ^T.",
            SUM,
            (
                with_last_value(lambda v, g, k, n, T, full: g ** (k - 1) * v),
                with_last_value(lambda v, g, k, n, T, full: g**n * v),
                with_last_value(lambda v, g, k, n, T, full: g**T * v),
                with_last_value(lambda v, g, k, n, T, full: g * v),
                with_last_value(lambda v, g, k, n, T, full: g ** (k + 1) * v),
                with_last_value(lambda v, g, k, n, T, full: v),
            ),
        ),
        Mistake(
            "counts the exponent from the start of the record",
            "The exponent is the distance from t: the reward of step t itself counts in full.",
            SUM,
            (
                *twice(exponent=lambda t, k, n: t + k),
                with_last_value(lambda v, g, k, n, T, full: g**k * v, exponent=lambda t, k: t + k),
            ),
        ),
        Mistake(
            "forgets γ between the steps",
            "Each further step of distance brings one more factor γ.",
            SUM,
            twice(exponent=lambda t, k, n: 0),
        ),
        Mistake(
            "drops the TD error of the step that ends an episode",
            "That step was played: its reward counts, less its value. The sum ends after it.",
            ENDS,
            (
                drops_ends(lambda end, cut: end | cut),
                drops_ends(lambda end, cut: end),
                drops_ends(lambda end, cut: cut),
            ),
        ),
        Mistake(
            "does not let γ grow with the distance",
            "Each step of distance brings one more factor γ: γ, γ², γ³. Yours takes γ once, however far the step is.",
            SUM,
            twice(exponent=lambda t, k, n: min(k, 1)),
        ),
        Mistake(
            "forgets to subtract V(s_t)",
            "Rewards and the last value estimate Q, and serve as the critic's target; the advantage is Q − V.",
            SUM,
            (walk(start=torch.zeros_like),),
        ),
        Mistake(
            "leaves out the critic at the last step",
            "n rewards are not all: γ^n V(s_{t+n}) stands for what comes after them.",
            SUM,
            (
                walk(lambda r, v, following, g, speaks: r),
                with_last_value(lambda v, g, k, n, T, full: full * g**k * v),
            ),
        ),
        Mistake(
            "lets the critic speak after every reward",
            "V of the next state stands for all that follows, so it comes once, after the last of the n rewards.",
            SUM,
            (walk(lambda r, v, following, g, speaks: r + g * following),),
        ),
        Mistake(
            "overwrites the TD errors while it still reads them",
            "After A = delta both names mean one tensor, and the second round adds to what the first has changed: "
            "begin with delta.clone().",
            "10. Practice",
            (in_place(backwards=False), in_place(backwards=True)),
        ),
        Mistake(
            "gives up where fewer than n steps are left",
            "The sum is then shorter: it takes the rewards that are left, and then the critic.",
            SUM,
            (
                gives_up(lambda delta, values: 0 * delta),
                gives_up(lambda delta, values: delta),
                gives_up(lambda delta, values: -values),
            ),
        ),
        Mistake(
            "adds up the shorter advantages too",
            "A^(n) is one of them, not their sum; a weighted mean of all is GAE.",
            SUM,
            (all_shorter_ones(average=False), all_shorter_ones(average=True)),
        ),
    ],
)

# normalize


def numbers(label, advantages):
    return Case(label, real(advantages=advantages), {})


def centred(a):
    return a - a.mean()


def shifted_up(a):
    return a - a.min()


def length(a):
    return a.square().sum().sqrt()


def scaled(above=centred, below=torch.std, epsilons=(1e-8, 0.0)):
    """Functions above(A) / (below(A) + epsilon), with the 1e-8 and without it."""
    return [lambda advantages, e=epsilon: above(advantages) / (below(advantages) + e) for epsilon in epsilons]


def mean_alone(epsilon):
    return lambda a: a - a.mean() / (a.std() + epsilon)


def mean_after(epsilon):
    return lambda a: a / (a.std() + epsilon) - a.mean()


def equal_ones_kept(epsilon):
    return lambda a: centred(a) / (a.std() + epsilon) if a.std() > 0 else a


def by_column(axis):
    """Mean and spread of each column alone."""

    def function(advantages):
        if advantages.dim() == 1:
            return normalize(advantages)
        shifted = advantages - advantages.mean(axis, keepdim=True)
        return shifted / (advantages.std(axis, keepdim=True) + 1e-8)

    return function


NORMALIZE = Exercise(
    function=normalize,
    notebook="06_advantage",
    first="subtract the mean of all numbers. The check then says what is missing.",
    hints=(
        "Two numbers describe the whole batch: `advantages.mean()` and `advantages.std()`.",
        "First shift, then scale: parentheses around the difference, and then the division.",
        "If all advantages are equal, the standard deviation is 0. Add the 1e-8 to it, in brackets: "
        "`/ (advantages.std() + 1e-8)`.",
    ),
    running=numbers("the running trajectory", ADVANTAGES),
    cases=[
        numbers("two numbers", [1.0, 3.0]),
        numbers("three numbers with mean 0", [-2.0, 0.0, 2.0]),
        numbers("three numbers", [1.0, 2.0, 6.0]),
        numbers("equal numbers", [2.0, 2.0, 2.0]),
        numbers("numbers as small as the 1e-8", [1e-8, 2e-8, 6e-8]),
        numbers("two games side by side", [[1.0, 2.0], [3.0, 10.0]]),
        numbers("steps and games", normal(5, 4, seed=1) * 3 + 2),
    ],
    mistakes=[
        Mistake(
            "does not subtract the mean",
            "The result must have mean 0: shift first, then scale.",
            PRACTICE,
            scaled(above=lambda a: a),
        ),
        Mistake(
            "takes the median for the mean",
            "The median of 1, 2 and 6 is 2, and their mean is 3. Only without its mean does the batch have mean 0.",
            PRACTICE,
            (*scaled(above=lambda a: a - a.median()), *scaled(above=lambda a: a - a.quantile(0.5))),
        ),
        Mistake(
            "does not divide by the standard deviation",
            "The result must have standard deviation 1: after the shift comes the scale.",
            PRACTICE,
            (centred,),
        ),
        Mistake(
            "lets the division reach only one of the two",
            "A − mean / std divides the mean alone: put the difference in parentheses, and then divide it.",
            PRACTICE,
            (mean_alone(1e-8), mean_alone(0.0), mean_after(1e-8), mean_after(0.0)),
        ),
        Mistake(
            "takes the mean distance for the standard deviation",
            "The standard deviation squares the distances from the mean, and takes the root at the end.",
            PRACTICE,
            scaled(below=lambda a: centred(a).abs().mean()),
        ),
        Mistake(
            "divides by the variance",
            "The variance has the square of the unit; the standard deviation is its root.",
            PRACTICE,
            scaled(below=torch.var),
        ),
        Mistake(
            "divides by N instead of N − 1 inside the standard deviation",
            "The course takes torch.std, which divides by N − 1. numpy.std divides by N.",
            PRACTICE,
            scaled(below=lambda a: a.std(correction=0)),
        ),
        Mistake(
            "normalises each column by itself",
            "Mean and standard deviation are those of the whole batch, over all steps and games at once.",
            PRACTICE,
            (by_column(0), by_column(-1)),
        ),
        Mistake(
            "divides by the standard deviation alone",
            "Where all advantages are equal it is 0, and 0 / 0 is nan: add the 1e-8 to it, within its parentheses.",
            PRACTICE,
            scaled(epsilons=[0.0]),
        ),
        Mistake(
            "returns equal numbers as they are",
            "Where all advantages are equal none is better than the mean: A − mean is 0 there as well.",
            PRACTICE,
            (equal_ones_kept(1e-8), equal_ones_kept(0.0)),
        ),
        Mistake(
            "has another small number, or has it in another place",
            "The 1e-8 is added to the standard deviation: below the fraction, and not under the root.",
            PRACTICE,
            (
                *scaled(epsilons=[10.0**-k for k in (5, 6, 7, 9, 10, 12)]),
                *scaled(below=lambda a: a.std().clamp(min=1e-8), epsilons=[0.0]),
                *scaled(below=lambda a: (a.var() + 1e-8).sqrt(), epsilons=[0.0]),
            ),
        ),
        Mistake(
            "scales by the largest number",
            "One outlier would set the scale of the whole batch; the standard deviation looks at all.",
            PRACTICE,
            (
                *scaled(below=lambda a: centred(a).abs().max()),
                *scaled(below=lambda a: a.abs().max()),
                *scaled(above=lambda a: a, below=lambda a: a.abs().max()),
            ),
        ),
        Mistake(
            "scales by the range",
            "The largest less the smallest looks at two numbers only, and one outlier sets it; the standard deviation "
            "looks at all. And what is subtracted is the mean, not the smallest.",
            PRACTICE,
            (
                *scaled(below=lambda a: a.max() - a.min()),
                *scaled(above=shifted_up, below=lambda a: a.max() - a.min()),
            ),
        ),
        Mistake(
            "divides by the length of the vector",
            "The root of the sum of squares grows with the number of samples; the standard deviation is a mean.",
            PRACTICE,
            (*scaled(below=lambda a: length(centred(a))), *scaled(above=lambda a: a, below=length)),
        ),
        Mistake(
            "turns the signs around",
            "Better than the mean must stay positive: A − mean.",
            PRACTICE,
            scaled(above=lambda a: a.mean() - a),
        ),
    ],
)
EXERCISES = [TD_ERROR, NORMALIZE, N_STEP]  # the last one stands in lesson 07
