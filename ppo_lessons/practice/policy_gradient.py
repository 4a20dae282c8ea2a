"""Practice for lesson 02."""

import torch

from ppo_lessons.policy_gradient import expected_return, softmax_policy
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import OLD_LOGITS, PROBABILITY, RETURN, J

# The softmax


def case(label, logits, *, temperature):
    return Case(label, real(logits=logits), {"temperature": temperature})


def shares(x):
    """The formula as it stands: exp of a large number is infinite."""
    return x.exp() / x.exp().sum(-1, keepdim=True)


def version(formula):
    """A function from formula(logits, temperature)."""
    return lambda logits, *, temperature: formula(logits, temperature)


def versions(*formulas):
    """Each formula twice: with the largest logit of each state subtracted first, and without."""
    shifted = [lambda z, T, f=f: f(z - z.max(-1, keepdim=True).values, T) for f in formulas]
    return tuple(version(formula) for formula in (*formulas, *shifted))


def cut_off(*bounds):
    """The logits held between two bounds, after the division by the temperature and before it."""
    return (
        version(lambda z, T: shares((z / T).clamp(*bounds))),
        version(lambda z, T: shares(z.clamp(*bounds) / T)),
    )


def best_action(z, T):
    return torch.nn.functional.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype)


SOFTMAX, COMMON = "2. From numbers to probabilities: softmax", "9. What usually goes wrong"
SOFTMAX_POLICY = Exercise(
    function=softmax_policy,
    notebook="02_policy_gradient",
    differentiable=True,
    first="return `torch.exp(logits)`. The check then says what is missing.",
    hints=(
        "First divide the logits by the temperature, then take `torch.exp` of all of them: what comes out is positive.",
        "Divide by the sum over the actions. They are on the last axis, one row for each state: "
        "`.sum(-1, keepdim=True)` keeps a column of sums that fits to the rows.",
        "exp(1500) is too large for a computer. First of all take each state's largest logit away, "
        "`logits = logits - logits.max(-1, keepdim=True).values`: section 2 showed that one number added to all logits "
        "changes nothing. `torch.softmax(..., dim=-1)` does all of this but the temperature.",
    ),
    running=case("the states of the running trajectory", OLD_LOGITS, temperature=1.0),
    cases=[
        case("two actions", [1.0, 2.0], temperature=1.0),
        case("a low temperature", [1.0, 2.0], temperature=0.5),
        case("a high temperature", [1.0, 2.0], temperature=4.0),
        case("equal logits", [2.0, 2.0, 2.0], temperature=1.0),
        case("logits far above 0", [3000.0, 3001.0, 3004.0, 3000.0, 3002.0], temperature=2.0),
        case("logits far below 0", [-3000.0, -3001.0, -3004.0, -3000.0, -3002.0], temperature=2.0),
        case("logits far apart", [0.0, 3000.0, 1.0], temperature=2.0),
        case("two states", [[1.0, 2.0], [0.5, -1.0]], temperature=1.0),
        case(
            "two states with very different logits",
            [[3000.0, 3001.0, 3004.0], [-3000.0, -3002.0, -3001.0]],
            temperature=2.0,
        ),
        case("as many states as actions", normal(3, 3, seed=1), temperature=0.7),
        case("four states with three actions", normal(4, 3, seed=2), temperature=1.3),
        case("states in any shape", normal(2, 3, 4, seed=3), temperature=0.7),
    ],
    mistakes=[
        Mistake(
            "breaks down for large logits",
            "exp of a large number is infinite and exp of a very negative one is 0, and their shares are nan. Subtract "
            "each state's largest logit first: only differences count.",
            SOFTMAX,
            (version(lambda z, T: shares(z / T)),),
        ),
        Mistake(
            "cuts large logits off",
            "All logits beyond a bound become equal, and so do their probabilities. Subtract each state's largest "
            "logit instead: that keeps the differences, and only they count.",
            SOFTMAX,
            (
                *(f for bound in (10, 20, 50) for f in (*cut_off(-bound, bound), *cut_off(None, bound))),
                version(lambda z, T: (z / T).exp().clamp(max=1e30) / (z / T).exp().clamp(max=1e30).sum(-1, True)),
            ),
        ),
        Mistake(
            "subtracts the same number from all states",
            "The largest logit of the whole table can lie far above all logits of another state. Their exp is then 0, "
            "and 0/0 is nan. Each state has its own largest logit: `logits.max(-1, keepdim=True).values`.",
            SOFTMAX,
            (version(lambda z, T: shares((z - z.max()) / T)),),
        ),
        Mistake(
            "subtracts another number than the largest",
            "Only with the largest at 0 is every exp at most 1. With another number at 0 the largest logit can still "
            "lie far above it, and its exp overflows.",
            SOFTMAX,
            (
                version(lambda z, T: shares((z - z.min(-1, keepdim=True).values) / T)),
                version(lambda z, T: shares((z - z.mean(-1, keepdim=True)) / T)),
                version(lambda z, T: shares((z - z[..., :1]) / T)),
                version(lambda z, T: 1 / ((z[..., None, :] - z[..., None]) / T).exp().sum(-1)),
            ),
        ),
        Mistake(
            "takes the largest along the wrong axis",
            "All logits of a state must lose the same number. A number for each action changes their differences, and "
            "with them the policy. Each row needs its own largest logit.",
            SOFTMAX,
            (
                version(lambda z, T: shares((z - z.amax(0)) / T)),
                version(lambda z, T: ((z - z.amax(0)) / T).softmax(-1)),
            ),
        ),
        Mistake(
            "ignores the temperature",
            "Divide the logits by T before exp. A factor behind exp cancels, since it stands above and below the line.",
            SOFTMAX,
            versions(lambda z, T: shares(z)),
        ),
        Mistake(
            "multiplies by the temperature",
            "A high temperature must bring the logits nearer to each other: it divides them.",
            SOFTMAX,
            versions(lambda z, T: shares(z * T)),
        ),
        Mistake(
            "divides the probabilities by the temperature",
            "T divides the logits, inside exp. Probabilities divided by T sum to 1/T.",
            SOFTMAX,
            versions(lambda z, T: shares(z) / T, lambda z, T: shares(z / T) / T),
        ),
        Mistake(
            "applies the temperature on one side of the fraction only",
            "The same numbers exp(z/T) stand above and below the line, or the shares do not sum to 1.",
            SOFTMAX,
            versions(
                lambda z, T: (z / T).exp() / z.exp().sum(-1, keepdim=True),
                lambda z, T: z.exp() / (z / T).exp().sum(-1, keepdim=True),
                lambda z, T: shares(z / T) * ((z / T).exp().sum(-1, keepdim=True) / z.exp().sum(-1, keepdim=True)),
            ),
        ),
        Mistake(
            "normalises over the wrong axis",
            "The actions are on the last axis and each state has its own sum: .sum(-1, keepdim=True).",
            SOFTMAX,
            (
                version(lambda z, T: (z / T).softmax(0)),
                version(lambda z, T: (z / T).flatten().softmax(0).reshape(z.shape)),
                *versions(
                    lambda z, T: (z / T).exp() / (z / T).exp().sum(0, keepdim=True),
                    lambda z, T: (z / T).exp() / (z / T).exp().sum(),
                    lambda z, T: (z / T).exp() / (z / T).exp().sum(-1),
                ),
            ),
        ),
        Mistake(
            "does not divide by the sum",
            "exp makes the numbers positive; only divided by their sum do they add up to 1.",
            SOFTMAX,
            versions(
                lambda z, T: (z / T).exp(),
                lambda z, T: z.exp(),
                lambda z, T: z.exp() / T,
                lambda z, T: shares(z) ** (1 / T),
            ),
        ),
        Mistake(
            "forgets the exponential",
            "Logits may be negative. exp makes positive numbers of them, and only then are shares probabilities.",
            SOFTMAX,
            (version(lambda z, T: z / z.sum(-1, keepdim=True)),),
        ),
        Mistake(
            "takes another base than e",
            "exp(z) is e to the power of z. With powers of 2 the probabilities lie too near to each other, with powers "
            "of 10 too far apart, as at another temperature.",
            SOFTMAX,
            versions(
                lambda z, T: 2 ** (z / T) / (2 ** (z / T)).sum(-1, keepdim=True),
                lambda z, T: 10 ** (z / T) / (10 ** (z / T)).sum(-1, keepdim=True),
            ),
        ),
        Mistake(
            "applies softmax twice",
            "What comes out of a softmax are probabilities; taken for logits, they give a much flatter policy.",
            COMMON,
            versions(
                lambda z, T: shares(shares(z / T)),
                lambda z, T: shares(shares(z / T) / T),
                lambda z, T: shares(shares(z) / T),
            ),
        ),
        Mistake(
            "returns log-probabilities",
            "Asked for are the probabilities themselves; the logarithm comes in section 3.",
            SOFTMAX,
            (
                *versions(lambda z, T: shares(z / T).log(), lambda z, T: shares(z).log()),
                version(lambda z, T: (z / T).log_softmax(-1)),
                version(lambda z, T: z.log_softmax(-1)),
            ),
        ),
        Mistake(
            "puts everything on the largest logit",
            "That is the limit of T towards 0. A policy that never tries the others never learns what they bring.",
            COMMON,
            (version(best_action), version(lambda z, T: (z == z.max(-1, keepdim=True).values).to(z.dtype))),
        ),
    ],
)


# The expected return


def plays(label, returns, probabilities):
    return Case(label, real(returns=returns, probabilities=probabilities), {})


def random_plays(label, number, *, seed):
    returns, weights = normal(2, number, seed=seed)
    return plays(label, 3 * returns, weights.softmax(0))


def both(*formulas):
    """Each formula with the returns held constant, and with a gradient through them as well."""
    return (*formulas, *(lambda R, P, f=f: f(R.detach(), P) for f in formulas))


GRADIENT, HOW_GOOD, NO_GRADIENT = (
    "5. The gradient, by listing",
    "4. How good: J, with two numbers to turn",
    "8. Three reasons why it stops here",
)
EXPECTED_RETURN = Exercise(
    function=expected_return,
    notebook="02_policy_gradient",
    differentiable=True,
    first="return the sum of returns times probabilities. The check then looks at the gradient, too.",
    hints=(
        "It is the expectation of lesson 01, with returns for values: `(returns * probabilities).sum()`, or the "
        "function of that lesson, `from ppo_lessons.expectation import expectation`.",
        "The gradient must reach the probabilities and nothing else: R is given once τ is.",
        "`returns.detach()` is the same numbers, held constant. Use it in place of `returns`.",
    ),
    running=plays(
        "the running trajectory beside the average of all other plays",
        [RETURN, (J - RETURN * PROBABILITY) / (1 - PROBABILITY)],
        [PROBABILITY, 1 - PROBABILITY],
    ),
    cases=[
        plays("two plays", [3.0, 8.0], [0.25, 0.75]),
        plays("three plays", [3.0, -2.0, 5.0], [0.2, 0.5, 0.3]),
        random_plays("six plays", 6, seed=1),
        random_plays("twenty plays", 20, seed=2),
    ],
    mistakes=[
        Mistake(
            "differentiates the returns",
            "The value is right, but once τ is given its return does not depend on θ: returns are data. Detach them.",
            GRADIENT,
            (lambda R, P: (R * P).sum(),),
        ),
        Mistake(
            "stops the gradient at the probabilities",
            "θ works through P alone: detached or made a plain number, J cannot be climbed any more.",
            GRADIENT,
            (lambda R, P: (R.detach() * P.detach()).sum(), lambda R, P: (R * P.detach()).sum()),
        ),
        Mistake(
            "takes the plain mean of the returns",
            "These are all plays, not drawn ones: each counts with its probability. Without P no θ is left.",
            NO_GRADIENT,
            both(lambda R, P: R.mean()),
        ),
        Mistake(
            "adds up the returns without their probabilities",
            "Each return counts with the probability of its play: multiply before you add.",
            HOW_GOOD,
            both(lambda R, P: R.sum()),
        ),
        Mistake(
            "has the wrong sign",
            "J is climbed. The minus sign belongs to the loss that an optimiser minimises.",
            COMMON,
            both(lambda R, P: -(R * P).sum()),
        ),
        Mistake(
            "divides by the number of plays",
            "The probabilities sum to 1, so the sum of the products already is the average.",
            HOW_GOOD,
            both(lambda R, P: (R * P).mean()),
        ),
        Mistake(
            "multiplies every return with every probability",
            "A return counts with the probability of its own play alone: K products, where [K, 1] times [K] makes K².",
            HOW_GOOD,
            both(lambda R, P: (R[:, None] * P).sum(), lambda R, P: (R[:, None] * P).mean()),
        ),
        Mistake(
            "returns one number per play",
            "J is one number: the sum over all plays.",
            HOW_GOOD,
            both(lambda R, P: R * P),
        ),
        Mistake(
            "returns one of the products",
            "A loop must add to what it has so far, and return only after its last round.",
            HOW_GOOD,
            both(lambda R, P: (R * P)[0], lambda R, P: (R * P)[-1]),
        ),
        Mistake(
            "takes the logarithm of the probabilities",
            "J weighs each return with the probability itself. The logarithm comes in lesson 03, for the gradient.",
            HOW_GOOD,
            both(
                lambda R, P: (R * P.log()).sum(),
                lambda R, P: (R * P.log()).mean(),
                lambda R, P: -(R * P.log()).sum(),
                lambda R, P: -(R * P.log()).mean(),
                lambda R, P: (R * P * P.log()).sum(),
                lambda R, P: (R * P.detach() * P.log()).sum(),
            ),
        ),
        Mistake(
            "returns the return of the likeliest play",
            "J is an average over all plays and need not be the return of any of them.",
            HOW_GOOD,
            both(lambda R, P: R[P.argmax()]),
        ),
        Mistake(
            "divides by the sum of the probabilities",
            "It is 1, so the value stays; but its gradient is not 0. Leave it out.",
            GRADIENT,
            both(lambda R, P: (R * P).sum() / P.sum()),
        ),
        Mistake(
            "centres the returns",
            "J is the average of the returns as they are. Without their plain mean, what comes out is J less that "
            "mean.",
            HOW_GOOD,
            both(lambda R, P: ((R - R.mean()) * P).sum()),
        ),
        Mistake(
            "applies a softmax to the probabilities",
            "They are probabilities already; a second softmax makes them nearly even.",
            COMMON,
            both(lambda R, P: (R * P.softmax(0)).sum()),
        ),
    ],
)

EXERCISES = [SOFTMAX_POLICY, EXPECTED_RETURN]
