"""Practice for lesson 04."""

import torch

from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import REWARDS
from ppo_lessons.reward_to_go import reward_to_go


def case(label, rewards, *, gamma):
    return Case(label, real(rewards=rewards), {"gamma": gamma})


RUNNING = case("the running trajectory", REWARDS, gamma=0.9)
CASES = [
    case("one step", [4.0], gamma=0.5),
    case("two steps, γ = 1", [1.0, 4.0], gamma=1.0),
    case("two steps, γ = 0.5", [1.0, 4.0], gamma=0.5),
    case("γ = 0", [1.0, 4.0, 10.0], gamma=0.0),
    case("three steps, γ = 0.5", [1.0, 4.0, 10.0], gamma=0.5),
    case("two plays side by side, one per column", [[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]], gamma=0.5),
    case("many steps", normal(30, seed=1), gamma=0.95),
    case("several plays side by side", normal(6, 4, seed=2), gamma=0.8),
    case("a batch of any shape", normal(5, 2, 3, seed=3), gamma=0.9),
]


def weighted(weight):
    """G_t = sum_k weight(t, k, gamma, T) r_k, over all steps k."""

    def function(rewards, *, gamma):
        steps = range(len(rewards))
        return torch.stack([sum(weight(t, k, gamma, len(rewards)) * rewards[k] for k in steps) for t in steps])

    return function


def along(axis):
    """Reward-to-go along another axis than time."""

    def function(rewards, *, gamma):
        other = axis if rewards.dim() > 1 else 0
        return reward_to_go(rewards.movedim(other, 0), gamma=gamma).movedim(0, other)

    return function


def turned(first, last):
    """Walks over the rows of a record that was turned round along one axis, and turns the result along another."""

    def function(rewards, *, gamma):
        result = reward_to_go(rewards.flip(first).flip(0), gamma=gamma).flip(0)
        return result.flip(last)

    return function


def taken_off_again(rewards, *, gamma):
    """The discount from step 0, divided by γ^t."""
    factors = (gamma ** torch.arange(len(rewards))).to(rewards.dtype).reshape(-1, *[1] * (rewards.dim() - 1))
    return reward_to_go(factors * rewards, gamma=1.0) / factors


def on_and_on(rewards, *, gamma):
    """One sum for all plays: what follows is added up over the columns."""
    result, following = [], 0.0
    for reward in rewards.flip(0):
        following = reward.sum() + gamma * following
        result.append(following.expand_as(reward))
    return torch.stack(result[::-1])


def first_alone(rewards, *, gamma):
    return reward_to_go(rewards, gamma=gamma)[0]


def plain_sum(rewards, *, gamma):
    return rewards.sum(0)


def back_to_front(rewards, *, gamma):
    return reward_to_go(rewards, gamma=gamma).flip(0)


def without_last(rewards, *, gamma):
    """A loop that begins at the step before the last, with 0 after it."""
    return torch.cat([reward_to_go(rewards[:-1], gamma=gamma), 0 * rewards[-1:]]) if len(rewards) > 1 else 0 * rewards


def without_first(keep):
    """A loop that ends at step 1; step 0 keeps this share of its own reward."""

    def function(rewards, *, gamma):
        return torch.cat([keep * rewards[:1], reward_to_go(rewards, gamma=gamma)[1:]])

    return function


WHY, ESTIMATOR, GAMMA, WRONG = (
    "1. Praised for walking into the pit",
    "3. The new estimator",
    "6. γ is something else",
    "8. What usually goes wrong",
)
EXERCISES = [
    Exercise(
        function=reward_to_go,
        notebook="04_reward_to_go",
        first="forget γ and return, for every step, the sum of its own reward and all later ones. The check then shows "
        "an input in which γ counts.",
        hints=(
            "The last step is the easiest: nothing follows, so its reward-to-go is its own reward. Begin there.",
            "Walk backwards, `for reward in rewards.flip(0)`, and keep one number for each play, what follows: "
            "`following = reward + gamma * following`.",
            "Begin with `following = torch.zeros_like(rewards[0])` and collect each result in a list. At the end turn "
            "the list round with `[::-1]` and join it with `torch.stack`.",
        ),
        running=RUNNING,
        cases=CASES,
        mistakes=[
            Mistake(
                "loops forward",
                "The sum for step t must hold what comes after step t; yours holds what came before it.",
                WRONG,
                (
                    weighted(lambda t, k, g, T: (k <= t) * g ** max(t - k, 0)),
                    weighted(lambda t, k, g, T: (k <= t) * g**k),
                    weighted(lambda t, k, g, T: float(k <= t)),
                ),
            ),
            Mistake(
                "gives every step the whole return",
                "That is the weight of lesson 03: what was paid before step t is not to be counted. If your loop looks "
                "right: `+=` and `*=` change one tensor, and the list then holds that tensor many times. Write "
                "`following = reward + gamma * following`.",
                WHY,
                (weighted(lambda t, k, g, T: g**k), weighted(lambda t, k, g, T: 1.0)),
            ),
            Mistake(
                "returns one number instead of one for each step",
                "Every step has its own weight: collect them all, so that the result has the shape of rewards.",
                ESTIMATOR,
                (first_alone, plain_sum),
            ),
            Mistake(
                "discounts from the start of the play",
                "The exponent is the distance k − t, not the time k or t: the reward of the step itself has γ⁰ = 1.",
                GAMMA,
                (weighted(lambda t, k, g, T: (k >= t) * g**k), weighted(lambda t, k, g, T: (k >= t) * g**t)),
            ),
            Mistake(
                "divides by a power of γ",
                "At γ = 0 that is a division by 0, and in a long play γ^t becomes 0 as well. Nothing has to be "
                "divided: `following = reward + gamma * following`.",
                GAMMA,
                (taken_off_again,),
            ),
            Mistake(
                "discounts once too often",
                "The reward of step t itself counts in full; the one after it has γ, the next one γ².",
                GAMMA,
                (weighted(lambda t, k, g, T: (k >= t) * g ** max(k - t + 1, 0)),),
            ),
            Mistake(
                "forgets γ",
                "A reward that comes one step later counts γ times as much.",
                GAMMA,
                (weighted(lambda t, k, g, T: float(k >= t)),),
            ),
            Mistake(
                "does not let γ grow with the distance",
                "Each step of distance brings one more factor γ: γ, γ², γ³. Multiply what follows, every time.",
                GAMMA,
                (
                    weighted(lambda t, k, g, T: (k >= t) * g),
                    weighted(lambda t, k, g, T: (k == t) + (k > t) * g),
                ),
            ),
            Mistake(
                "discounts the reward of the step itself",
                "It is paid now and counts in full. γ belongs to what follows: `reward + gamma * following`.",
                GAMMA,
                (
                    weighted(lambda t, k, g, T: g * (k == t) + (k > t) * g ** max(k - t, 0)),
                    weighted(lambda t, k, g, T: g * (k == t) + (k > t) * g ** max(k - t - 1, 0)),
                ),
            ),
            Mistake(
                "multiplies the rewards by 1 − γ",
                "With 1 − γ the weights sum to 1 and make an average; asked for is the sum, and the reward of the step "
                "itself counts in full.",
                GAMMA,
                (weighted(lambda t, k, g, T: (k >= t) * (1 - g) * g ** max(k - t, 0)),),
            ),
            Mistake(
                "lets far rewards count more than near ones",
                "The next reward has the factor γ and the far ones less; yours has them the other way round.",
                GAMMA,
                (
                    weighted(lambda t, k, g, T: (k >= t) * g ** (T - 1 - k)),
                    weighted(lambda t, k, g, T: (k >= t) * g ** (T - k)),
                ),
            ),
            Mistake(
                "leaves out the reward of the step itself",
                "An action is judged by its own reward too: the sum begins at k = t.",
                ESTIMATOR,
                (
                    weighted(lambda t, k, g, T: (k > t) * g ** max(k - t, 0)),
                    weighted(lambda t, k, g, T: (k > t) * g ** max(k - t - 1, 0)),
                    weighted(lambda t, k, g, T: float(k > t)),
                ),
            ),
            Mistake(
                "looks one step ahead only",
                "What follows is the whole G of the next step, not its reward alone.",
                ESTIMATOR,
                (weighted(lambda t, k, g, T: (k == t) + (k == t + 1) * g),),
            ),
            Mistake(
                "returns the steps back to front",
                "Whoever walks backwards collects the last step first: turn the list round at the end.",
                ESTIMATOR,
                (back_to_front,),
            ),
            Mistake(
                "leaves out the last reward",
                "The walk begins at the last step, T − 1, where the sum is its reward alone.",
                ESTIMATOR,
                (without_last,),
            ),
            Mistake(
                "counts the last reward twice",
                "The loop already begins with it: begin `following` at 0.",
                ESTIMATOR,
                (weighted(lambda t, k, g, T: (k >= t) * g ** max(k - t, 0) + (k == T - 1) * g ** (T - t)),),
            ),
            Mistake(
                "puts a power of γ into the recursion",
                "In G_t = r_t + γ G_{t+1} one γ is enough: the powers come by themselves, one more with each round.",
                GAMMA,
                (
                    weighted(lambda t, k, g, T: (k >= t) * g ** sum(range(t, k))),
                    weighted(lambda t, k, g, T: (k >= t) * g ** sum(range(T - k, T - t))),
                ),
            ),
            Mistake(
                "never reaches step 0",
                "range(T - 1, 0, -1) ends at 1: write range(T - 1, -1, -1) or reversed(range(T)).",
                ESTIMATOR,
                (without_first(0.0), without_first(1.0)),
            ),
            Mistake(
                "sums along the wrong axis",
                "Time is axis 0. Each column is a play of its own, and the columns must not mix.",
                "10. Practice",
                (along(-1), along(1), on_and_on, turned(0, -1), turned(-1, 0), turned(-1, -1)),
            ),
        ],
    )
]
