"""Practice for lesson 07."""

import torch

from ppo_lessons.advantage import n_step_advantage, td_error
from ppo_lessons.gae import gae
from ppo_lessons.practice.advantage import BEFORE_AN_END, NO, YES, case
from ppo_lessons.practice.baseline import scaled
from ppo_lessons.practice.exercise import Exercise, Mistake, chance, normal
from ppo_lessons.practice.running import NEXT_VALUES, REWARDS, TERMINATED, TRUNCATED, VALUES


def random_case(label, *shape, seed, ends, cuts, gamma, lam):
    numbers = normal(3, *shape, seed=seed)
    flags = chance(ends, *shape, seed=seed + 1), chance(cuts, *shape, seed=seed + 2)
    return case(label, *numbers, *flags, gamma=gamma, lam=lam)


RUNNING = case("the running trajectory", REWARDS, VALUES, NEXT_VALUES, TERMINATED, TRUNCATED, gamma=1.0, lam=0.5)
CASES = [
    case("one step", [1.0], [0.5], [2.0], [NO], [NO], gamma=0.5, lam=0.8),
    case("one step that ends the world", [1.0], [0.5], [2.0], [YES], [NO], gamma=0.5, lam=0.8),
    case("one step at a time limit", [1.0], [0.5], [2.0], [NO], [YES], gamma=0.5, lam=0.8),
    case("two steps", [1.0, 4.0], [0.5, 3.0], [2.5, 7.0], [NO, NO], [NO, NO], gamma=0.5, lam=0.8),
    case("an end, then a new episode", [1.0, 4.0], [0.5, 3.0], [2.5, 7.0], [YES, NO], [NO, NO], gamma=0.5, lam=0.8),
    case(
        "a time limit, then a new episode", [1.0, 4.0], [0.5, 3.0], [2.5, 7.0], [NO, NO], [YES, NO], gamma=0.5, lam=0.8
    ),
    case("a step, an end, then a new episode", *BEFORE_AN_END, gamma=0.5, lam=0.8),
    random_case("two games side by side", 2, 2, seed=6, ends=0.3, cuts=0.3, gamma=0.9, lam=0.7),
    random_case("four steps without an end", 4, seed=1, ends=0.0, cuts=0.0, gamma=0.9, lam=0.7),
    random_case("λ = 0", 4, seed=2, ends=0.0, cuts=0.0, gamma=0.9, lam=0.0),
    random_case("λ = 1 and γ = 1", 4, seed=3, ends=0.0, cuts=0.0, gamma=1.0, lam=1.0),
    random_case("several games side by side", 9, 5, seed=4, ends=0.2, cuts=0.2, gamma=0.9, lam=0.7),
    random_case("a batch of any shape", 5, 2, 3, seed=5, ends=0.3, cuts=0.3, gamma=0.8, lam=0.6),
]


def variant(
    bootstrap=lambda v, values, ended, cut: v.masked_fill(ended, 0), follow=lambda a, ended, cut: a * ~(ended | cut)
):
    """GAE with two parts to get wrong: what stands for V of the next state, and what is passed to the step before."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = rewards + gamma * bootstrap(next_values, values, terminated, truncated) - values
        advantages, following = torch.zeros_like(delta), torch.zeros_like(delta[0])
        for t in reversed(range(len(delta))):
            following = delta[t] + gamma * lam * follow(following, terminated[t], truncated[t])
            advantages[t] = following
        return advantages

    return function


def later(x, last):
    """x_{t+1}; at the last step `last`."""
    return torch.cat([x[1:], last])


def keeps(x, terminated, truncated):
    return x


def normalised(epsilon):
    def function(*steps, gamma, lam):
        a = gae(*steps, gamma=gamma, lam=lam)
        return scaled(a - a.mean(), epsilon)

    return function


def lam_in_delta(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    return gae(rewards, values, lam * next_values, terminated, truncated, gamma=gamma, lam=lam)


def lam_times_delta(*steps, gamma, lam):
    return lam * gae(*steps, gamma=gamma, lam=lam)


def keeps_the_factor(*steps, gamma, lam):
    return (1 - lam) * gae(*steps, gamma=gamma, lam=lam)


def mean_without_the_last(*steps, gamma, lam):
    """The weights (1 - lam) lam^(n-1) of all n that fit into the record: they do not sum to 1."""
    n = range(1, len(steps[0]) + 1)
    return sum((1 - lam) * lam ** (i - 1) * n_step_advantage(*steps, gamma=gamma, n=i) for i in n)


def sum_of_factors(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    zero = torch.zeros_like(delta)
    return summed_up(delta, gamma + lam, ~(terminated | truncated)) + zero


def masked_steps(which, of_sum):
    """Where `which` is true the TD error itself is dropped: from the sum that is noted, or before the loop."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
        stop = which(terminated, truncated)
        goes_on = torch.ones_like(stop) if of_sum else ~(terminated | truncated)
        return summed_up(delta.masked_fill(stop, 0), gamma * lam, goes_on & ~stop if of_sum else goes_on)

    return function


def summed_up(delta, factor, goes_on):
    """A_t = delta_t + factor A_{t+1} where the play goes on."""
    following, advantages = torch.zeros_like(delta[0]), []
    for t in reversed(range(len(delta))):
        following = delta[t] + factor * following * goes_on[t]
        advantages.append(following)
    return torch.stack(advantages[::-1])


def stops_too_early(which):
    """Where `which` is true nothing is handed to the step before."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
        stop = which(terminated, truncated)
        after = torch.cat([stop[1:], stop[:1]])  # the last step has nothing to add
        return summed_up(delta, gamma * lam, ~after)

    return function


def stops_after_the_loop(*steps, gamma, lam):
    """The sum runs on over ends; only at the ends themselves it is replaced by the TD error."""
    whole = variant(follow=keeps)(*steps, gamma=gamma, lam=lam)
    return torch.where(steps[3] | steps[4], td_error(*steps[:4], gamma=gamma), whole)


def no_gamma_in_the_loop(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    zero = torch.zeros_like(delta)
    return gae(delta, zero, zero, terminated, truncated, gamma=1.0, lam=lam)


def no_lam_in_the_loop(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    return gae(rewards, values, next_values, terminated, truncated, gamma=gamma, lam=1.0)


def factor_once(*steps, gamma, lam):
    """All later TD errors count gamma lam, however far they are."""
    delta = td_error(*steps[:4], gamma=gamma)
    all_later = summed_up(delta, 1.0, ~(steps[3] | steps[4]))
    return delta + gamma * lam * (all_later - delta)


def factor_too_soon(*steps, gamma, lam):
    """Already the TD error of the step itself has the factor gamma lam."""
    return gamma * lam * gae(*steps, gamma=gamma, lam=lam)


def no_gamma_in_delta(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=1.0)
    return summed_up(delta, gamma * lam, ~(terminated | truncated))


def td_errors(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    return td_error(rewards, values, next_values, terminated, gamma=gamma)


def plus_values(*steps, gamma, lam):
    return gae(*steps, gamma=gamma, lam=lam) + steps[1]


def forward(stop):
    """A_t = delta_t + gamma lam A_{t-1}. `stop(ended)[t]`: nothing is passed on to step t."""

    def function(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
        stops = stop(terminated | truncated)
        before, advantages = torch.zeros_like(delta[0]), []
        for t in range(len(delta)):
            before = delta[t] + gamma * lam * before.masked_fill(stops[t], 0)
            advantages.append(before)
        return torch.stack(advantages)

    return function


def return_from_zero(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """The lambda-return, which begins with 0 where a play is cut."""
    following = next_values.masked_fill(terminated, 0)
    result, total = [], torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        total = total.masked_fill(terminated[t] | truncated[t], 0)
        total = rewards[t] + gamma * ((1 - lam) * following[t] + lam * total)
        result.append(total - values[t])
    return torch.stack(result[::-1])


def one_step_ahead(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    after = torch.cat([delta[1:], 0 * delta[:1]]).masked_fill(terminated | truncated, 0)
    return delta + gamma * lam * after


THREE_WAYS, DERIVATION = "7. Three ways to stop", "3. From an average to a sum"
EXERCISES = [
    Exercise(
        function=gae,
        notebook="07_gae",
        first="compute all TD errors in one line with `td_error` and return them. It is known after "
        "`from ppo_lessons.advantage import td_error`. The check then says what is missing.",
        hints=(
            "Two things are needed: a loop from the end to the start, and the TD errors of lesson 06, "
            "`from ppo_lessons.advantage import td_error`: "
            "`delta = td_error(rewards, values, next_values, terminated, gamma=gamma)`.",
            "Before the loop nothing follows: `following = torch.zeros_like(delta[0])`, and "
            "`advantages = torch.zeros_like(delta)` is to be filled. Then, `for t in reversed(range(len(delta)))`: "
            "`following = delta[t] + gamma * lam * following`, and `advantages[t] = following`.",
            "Where step t is terminated or truncated, what follows belongs to another episode: set it to 0 before you "
            "add it: `following = following.masked_fill(terminated[t] | truncated[t], 0)`, as the first line of the "
            "loop, does it in all games at once.",
        ),
        running=RUNNING,
        cases=CASES,
        mistakes=[
            Mistake(
                "bootstraps through a terminal state",
                "Where the world has ended nothing comes any more, so V of the next state must count as 0.",
                THREE_WAYS,
                (variant(bootstrap=lambda v, *_: v), variant(bootstrap=lambda v, *_: v, follow=keeps)),
            ),
            Mistake(
                "lets the sum run across a reset",
                "After a step that is terminated or truncated a new episode begins: the sum must stop at both.",
                THREE_WAYS,
                (
                    variant(follow=keeps),
                    variant(follow=lambda a, ended, cut: a * ~ended),
                    variant(follow=lambda a, ended, cut: a * ~cut),
                ),
            ),
            Mistake(
                "stops the sum at the end itself only",
                "The steps before an end must not see beyond it either: put 0 there inside the loop, not after it.",
                THREE_WAYS,
                (stops_after_the_loop,),
            ),
            Mistake(
                "treats a time limit as an end",
                "At truncated the world would have gone on: V of the last observation stays in the TD error, and only "
                "the sum stops.",
                THREE_WAYS,
                (
                    variant(bootstrap=lambda v, values, ended, cut: v.masked_fill(ended | cut, 0)),
                    variant(
                        bootstrap=lambda v, values, ended, cut: v.masked_fill(ended | cut, 0),
                        follow=lambda a, ended, cut: a * ~ended,
                    ),
                ),
            ),
            Mistake(
                "takes values[t + 1] and treats a time limit as an end",
                "Programs without next_values do both, for at an end values[t + 1] is another episode's. Here "
                "next_values[t] is V of the state that step t led to: it counts at truncated, and is 0 at terminated.",
                THREE_WAYS,
                (
                    variant(lambda v, values, ended, cut: later(values, v[-1:]).masked_fill(ended | cut, 0)),
                    variant(lambda v, values, ended, cut: later(values, 0 * v[-1:]).masked_fill(ended | cut, 0)),
                ),
            ),
            Mistake(
                "is off by one in the next values",
                "next_values[t] already is V of the state after step t: no further shift, and values[t + 1] is another "
                "episode's where step t ended one.",
                THREE_WAYS,
                (
                    variant(lambda v, values, ended, cut: later(v, v[-1:]).masked_fill(ended, 0)),
                    variant(lambda v, values, ended, cut: later(v, 0 * v[-1:]).masked_fill(ended, 0)),
                    variant(lambda v, values, ended, cut: later(values, v[-1:]).masked_fill(ended, 0)),
                    variant(lambda v, values, ended, cut: later(values, 0 * v[-1:]).masked_fill(ended, 0)),
                    variant(lambda v, values, ended, cut: v.roll(-1, 0).masked_fill(ended, 0)),
                    variant(lambda v, values, ended, cut: values.masked_fill(ended, 0)),
                ),
            ),
            Mistake(
                "leaves out V after the last step of the record",
                "Where the record ends the episode need not end: V of the next state stands for what was not recorded. "
                "It counts as 0 only at terminated.",
                THREE_WAYS,
                (variant(lambda v, values, ended, cut: torch.cat([v[:-1], 0 * v[-1:]]).masked_fill(ended, 0)),),
            ),
            Mistake(
                "normalises the advantages",
                "Asked for are the advantages in reward units. They are shifted and scaled later, by `normalize`.",
                DERIVATION,
                (normalised(1e-8), normalised(0.0)),
            ),
            Mistake(
                "multiplies λ into δ",
                "λ weighs the later TD errors; inside δ belongs γ only.",
                DERIVATION,
                (lam_in_delta, lam_times_delta),
            ),
            Mistake(
                "keeps the factor 1 − λ",
                "The weights (1 − λ)λ^(n−1) belong to the average of all A^(n). In the sum of TD errors 1 − λ has "
                "cancelled: each δ counts (γλ)^l.",
                DERIVATION,
                (keeps_the_factor, mean_without_the_last),
            ),
            Mistake(
                "adds γ and λ",
                "What follows counts γ times for the step later, and λ times for the trust: the product γλ.",
                DERIVATION,
                (sum_of_factors,),
            ),
            Mistake(
                "drops the TD error of the step that ends an episode",
                "That step was played and has its own δ. What is set to 0 there is what follows, before it is added.",
                THREE_WAYS,
                (
                    *(masked_steps(lambda end, cut: end | cut, of_sum) for of_sum in (True, False)),
                    *(masked_steps(lambda end, cut: cut, of_sum) for of_sum in (True, False)),
                    *(masked_steps(lambda end, cut: end, of_sum) for of_sum in (True, False)),
                ),
            ),
            Mistake(
                "stops the sum one step too early",
                "Where step t ends an episode, step t − 1 still has step t after it. The flag of step t cuts off what "
                "comes after step t.",
                THREE_WAYS,
                (
                    stops_too_early(lambda end, cut: end | cut),
                    stops_too_early(lambda end, cut: end),
                    stops_too_early(lambda end, cut: cut),
                ),
            ),
            Mistake(
                "forgets γ inside δ",
                "V of the next state comes one step later: δ = r + γ V(s') − V(s).",
                DERIVATION,
                (no_gamma_in_delta,),
            ),
            Mistake(
                "forgets γ in the recursion",
                "What follows is passed on with the factor γλ, not λ alone: it comes one step later.",
                DERIVATION,
                (no_gamma_in_the_loop,),
            ),
            Mistake(
                "forgets λ in the recursion",
                "What follows is passed on with the factor γλ, not γ alone: that would be λ = 1.",
                "4. The two ends of the slider",
                (no_lam_in_the_loop,),
            ),
            Mistake(
                "does not let γλ grow with the distance",
                "Each step of distance brings one more factor γλ: γλ, (γλ)², (γλ)³.",
                DERIVATION,
                (factor_once,),
            ),
            Mistake(
                "has a factor γλ too many",
                "The TD error of the step itself counts in full, (γλ)⁰ = 1: only what follows is multiplied.",
                DERIVATION,
                (factor_too_soon,),
            ),
            Mistake(
                "returns the TD errors",
                "The TD error is the case λ = 0: the later TD errors are still to be added.",
                DERIVATION,
                (td_errors,),
            ),
            Mistake(
                "returns the last round of the loop alone",
                "`following` is A of the step at which the loop stands: note it for every step, and return them all.",
                DERIVATION,
                (lambda *steps, gamma, lam: gae(*steps, gamma=gamma, lam=lam)[0],),
            ),
            Mistake(
                "begins the λ-return with 0",
                "In r + γ((1 − λ) V' + λ G') stands for G', at a cut and at the end of the record, V' and not 0.",
                THREE_WAYS,
                (return_from_zero,),
            ),
            Mistake(
                "looks one step ahead only",
                "A of step t + 1 is needed, not δ: it must be ready before, so the loop begins at the last step.",
                DERIVATION,
                (one_step_ahead,),
            ),
            Mistake(
                "returns the steps back to front",
                "Whoever walks backwards collects the last step first: turn the list round at the end.",
                DERIVATION,
                (lambda *steps, gamma, lam: gae(*steps, gamma=gamma, lam=lam).flip(0),),
            ),
            Mistake(
                "loops forward",
                "A_t must collect what comes after step t, so the loop begins at the last step.",
                DERIVATION,
                (
                    forward(lambda ended: torch.cat([ended[:1] & False, ended[:-1]])),
                    forward(lambda ended: ended),
                    forward(lambda ended: ended & False),
                ),
            ),
            Mistake(
                "returns the critic's target",
                "Advantage plus value is what the critic should have said; asked for is the advantage alone.",
                "3. From an average to a sum",
                (plus_values,),
            ),
        ],
    )
]
