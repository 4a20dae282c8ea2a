"""What learners may write for the extra on language models."""

import numpy as np
import torch

# my_per_token_rewards


def number_by_number(earn):
    """A function from earn(reward, log pi, log pi_ref, is it the last?, beta), one token at a time."""

    def my_per_token_rewards(rewards, logp, ref_logp, last, *, beta):
        result = np.zeros(tuple(last.shape))
        for t, n in np.ndindex(*result.shape):
            numbers = rewards[n].item(), logp[t, n].item(), ref_logp[t, n].item(), bool(last[t, n])
            result[t, n] = earn(*numbers, beta)
        return torch.as_tensor(result)

    return my_per_token_rewards


def column_by_column(earn):
    """A function from earn(reward, list of log-ratios of the string's tokens, beta) -> list of rewards."""

    def my_per_token_rewards(rewards, logp, ref_logp, last, *, beta):
        result = torch.zeros_like(logp).detach()
        for n, end in enumerate(last.int().argmax(0).tolist()):
            d = (logp[: end + 1, n] - ref_logp[: end + 1, n]).tolist()
            for t, r in enumerate(earn(rewards[n].item(), d, beta)):
                result[t, n] = r
        return result

    return my_per_token_rewards


def paid_in_a_row(number, d, r, beta):
    price = [-beta * x for x in d]
    price[number] += r
    return price


def whole_arrays(formula):
    """A function from formula(rewards, logp, ref_logp, last as numbers, beta), in NumPy: no gradient."""

    def my_per_token_rewards(rewards, logp, ref_logp, last, *, beta):
        data = [x.detach().numpy() for x in (rewards, logp, ref_logp)]
        return torch.as_tensor(formula(*data, last.numpy().astype(float), beta))

    return my_per_token_rewards


def by_mask(rewards, logp, ref_logp, last, *, beta):
    with torch.no_grad():
        return last * rewards + beta * (ref_logp - logp)


def in_place(rewards, logp, ref_logp, last, *, beta):
    result = (-beta * (logp - ref_logp)).detach().clone()
    for n in range(len(rewards)):
        result[last[:, n].nonzero()[0, 0], n] += rewards[n].detach()
    return result


def gradient(formula):
    """A function from formula(rewards, logp, ref_logp, last, beta), in PyTorch and not detached."""

    def my_per_token_rewards(rewards, logp, ref_logp, last, *, beta):
        return formula(rewards, logp, ref_logp, last.double(), beta)

    return my_per_token_rewards


def tokens(last):
    """1 up to the last token, 0 on the filling."""
    return last[::-1].cumsum(0)[::-1]


# my_group_advantages


def row_by_row(judge):
    """A function from judge(the returns of one group, divide), one question at a time."""

    def my_group_advantages(returns, *, divide):
        return torch.stack([judge(row.detach(), divide) for row in returns])

    return my_group_advantages


def whole_table(formula):
    """A function from formula(returns, divide), in NumPy: no gradient."""

    def my_group_advantages(returns, *, divide):
        return torch.as_tensor(formula(returns.detach().numpy(), divide))

    return my_group_advantages


def spread(row):
    return ((row - row.mean()) ** 2).sum().div(len(row) - 1) ** 0.5


def spreads(r, ddof=1):
    return np.std(r, axis=1, keepdims=True, ddof=ddof)


def means(r):
    return r.mean(1, keepdims=True)


def numpy_group(r, divide):
    return (r - means(r)) / (spreads(r) + 1e-8 if divide else 1.0)


def with_std_mean(returns, *, divide):
    std, mean = torch.std_mean(returns.detach(), dim=-1, keepdim=True)
    return torch.where(torch.tensor(divide), (returns.detach() - mean) / (std + 1e-8), returns.detach() - mean)


def flows(returns, *, divide):
    centred = returns - returns.sum(1)[:, None] / returns.shape[1]
    return centred / (returns.std(1)[:, None] + 1e-8) if divide else centred


def flows_transposed(returns, *, divide):
    columns = returns.T
    advantages = columns - columns.mean(0)
    if divide:
        advantages = advantages / (columns.std(0) + 1e-8)
    return advantages.T


RIGHT = {
    "my_per_token_rewards": [
        by_mask,
        in_place,
        number_by_number(lambda r, p, q, last, beta: r * last - beta * (p - q)),
        column_by_column(lambda r, d, beta: paid_in_a_row(-1, d, r, beta)),
    ],
    "my_group_advantages": [
        with_std_mean,
        whole_table(numpy_group),
        row_by_row(lambda row, divide: (row - row.mean()) / (spread(row) + 1e-8 if divide else 1)),
    ],
}

WRONG = {
    "my_per_token_rewards": {
        "pays the reward on the filling": [
            whole_arrays(lambda r, p, q, last, beta: np.vstack([(beta * (q - p))[:-1], (beta * (q - p))[-1:] + r])),
            whole_arrays(lambda r, p, q, last, beta: r * (last.cumsum(0) > 0) + beta * (q - p)),
        ],
        "lays the rewards along the wrong axis": [
            whole_arrays(lambda r, p, q, last, beta: r.reshape(-1, 1) * last + beta * (q - p)),
            whole_arrays(lambda r, p, q, last, beta: np.where(last > 0, r[:, None], 0.0) - beta * (p - q)),
        ],
        "turns the sign of the KL": [
            number_by_number(lambda r, p, q, last, beta: r * last + beta * (p - q)),
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, d, r, -beta)),
        ],
        "forgets the price of the last token": [
            number_by_number(lambda r, p, q, last, beta: r if last else beta * (q - p)),
            column_by_column(lambda r, d, beta: [*(-beta * x for x in d[:-1]), r]),
        ],
        "pays the whole price at the last token": [
            column_by_column(lambda r, d, beta: [*[0.0] * (len(d) - 1), r - beta * sum(d)]),
            whole_arrays(lambda r, p, q, last, beta: last * (r + beta * (q.sum(0) - p.sum(0)))),
        ],
        "keeps the last token alone": [
            number_by_number(lambda r, p, q, last, beta: r - beta * (p - q) if last else 0.0),
            whole_arrays(lambda r, p, q, last, beta: last * (r + beta * (q - p))),
        ],
        "pays at each token for all tokens so far": [
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, list(np.cumsum(d)), r, beta)),
            whole_arrays(lambda r, p, q, last, beta: r * last - beta * np.cumsum(p - q, 0)),
        ],
        "spreads the reward over the rows": [
            whole_arrays(lambda r, p, q, last, beta: r / len(p) - beta * (p - q)),
            column_by_column(lambda r, d, beta: [r / len(d) - beta * x for x in d]),
        ],
        "pays the reward at every token": [
            number_by_number(lambda r, p, q, last, beta: r - beta * (p - q)),
            column_by_column(lambda r, d, beta: [r - beta * x for x in d]),
        ],
        "pays the reward at the first token": [
            column_by_column(lambda r, d, beta: paid_in_a_row(0, d, r, beta)),
            whole_arrays(lambda r, p, q, last, beta: np.vstack([r + beta * (q - p)[0], (beta * (q - p))[1:]])),
        ],
        "divides by the string's length": [
            column_by_column(lambda r, d, beta: [x / len(d) for x in paid_in_a_row(-1, d, r, beta)]),
            whole_arrays(lambda r, p, q, last, beta: last * r / tokens(last).sum(0) + beta * (q - p)),
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, d, r, beta / len(d))),
        ],
        "multiplies the reward with β": [
            number_by_number(lambda r, p, q, last, beta: beta * (r * last - p + q)),
            whole_arrays(lambda r, p, q, last, beta: beta * last * r + q - p),
        ],
        "leaves β out": [
            number_by_number(lambda r, p, q, last, beta: r * last - p + q),
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, d, r, 1)),
        ],
        "leaves the KL out": [
            number_by_number(lambda r, p, q, last, beta: r if last else 0.0),
            whole_arrays(lambda r, p, q, last, beta: last * r),
        ],
        "leaves the reward out": [
            number_by_number(lambda r, p, q, last, beta: -beta * p + beta * q),
            column_by_column(lambda r, d, beta: [-beta * x for x in d]),
        ],
        "subtracts probabilities in place of their logarithms": [
            number_by_number(lambda r, p, q, last, beta: r * last - beta * (np.exp(p) - np.exp(q))),
            whole_arrays(lambda r, p, q, last, beta: r * last + beta * (np.exp(q) - np.exp(p))),
        ],
        "takes the ratio for its logarithm": [
            number_by_number(lambda r, p, q, last, beta: r * last - beta * np.exp(p) / np.exp(q)),
            whole_arrays(lambda r, p, q, last, beta: r * last - beta * (np.exp(p - q) - 1)),
        ],
        "makes every price positive": [
            number_by_number(lambda r, p, q, last, beta: r * last - beta * abs(p - q)),
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, [0.5 * x**2 for x in d], r, beta)),
            column_by_column(lambda r, d, beta: paid_in_a_row(-1, [np.exp(-x) - 1 + x for x in d], r, beta)),
        ],
        "weighs the log-ratio with the token's probability": [
            number_by_number(lambda r, p, q, last, beta: r * last - beta * np.exp(p) * (p - q)),
            whole_arrays(lambda r, p, q, last, beta: r * last + beta * (q - p) * np.exp(p)),
        ],
        "returns one number for each string": [
            whole_arrays(lambda r, p, q, last, beta: r + beta * (q - p).sum(0)),
            whole_arrays(lambda r, p, q, last, beta: (r * last - beta * (p - q)).sum(axis=0)),
        ],
        "lets a gradient through": [
            gradient(lambda r, p, q, last, beta: last * r - beta * (p - q)),
            gradient(lambda r, p, q, last, beta: last * r.detach() + beta * (q.detach() - p)),
        ],
    },
    "my_group_advantages": {
        "takes the mean over the questions": [
            whole_table(lambda r, divide: (r - r.mean(0)) / (spreads(r) + 1e-8 if divide else 1.0)),
            whole_table(lambda r, divide: (r - r.mean(0)) / (r.std(0) + 1e-8 if divide else 1.0)),
        ],
        "loses the axis of the mean": [
            lambda returns, *, divide: (
                (returns - returns.mean(-1)) / (returns.std(-1) + 1e-8 if divide else 1.0)
            ).detach(),
            lambda returns, *, divide: (
                (returns.detach() - returns.detach().sum(1) / returns.shape[1])
                / (returns.detach().std(1, keepdim=True) + 1e-8 if divide else 1.0)
            ),
        ],
        "subtracts the mean of all answers": [
            whole_table(lambda r, divide: (r - r.mean()) / (r.std(ddof=1) + 1e-8 if divide else 1.0)),
            whole_table(lambda r, divide: (r - r.mean()) / (spreads(r) + 1e-8 if divide else 1.0)),
        ],
        "divides by the deviation over the questions": [
            whole_table(lambda r, divide: (r - means(r)) / (np.std(r, axis=0) + 1e-8 if divide else 1.0)),
            lambda returns, *, divide: (
                (returns - returns.mean(1)[:, None]) / (returns.std(0, keepdim=True) + 1e-8 if divide else 1)
            ).detach(),
        ],
        "divides by the deviation of all answers": [
            whole_table(lambda r, divide: (r - means(r)) / (r.std(ddof=1) + 1e-8 if divide else 1.0)),
            whole_table(lambda r, divide: (r - means(r)) / ((r - means(r)).std(ddof=1) + 1e-8 if divide else 1.0)),
        ],
        "leaves the answer itself out of the mean": [
            whole_table(lambda r, divide: r.shape[1] / (r.shape[1] - 1) * numpy_group(r, divide)),
            row_by_row(
                lambda row, divide: (
                    torch.stack([row[i] - (row.sum() - row[i]) / (len(row) - 1) for i in range(len(row))])
                    / (spread(row) + 1e-8 if divide else 1)
                )
            ),
        ],
        "subtracts the sum": [
            row_by_row(lambda row, divide: (row - sum(row)) / (spread(row) + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: (r - r.sum(1, keepdims=True)) / (spreads(r) + 1e-8 if divide else 1.0)),
        ],
        "takes the median for the mean": [
            row_by_row(lambda row, divide: (row - row.median()) / (spread(row) + 1e-8 if divide else 1)),
            whole_table(
                lambda r, divide: (r - np.median(r, 1, keepdims=True)) / (spreads(r) + 1e-8 if divide else 1.0)
            ),
        ],
        "compares with the best answer": [
            row_by_row(lambda row, divide: (row - max(row)) / (spread(row) + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: (r - r.max(1, keepdims=True)) / (spreads(r) + 1e-8 if divide else 1.0)),
        ],
        "does not subtract the mean": [
            row_by_row(lambda row, divide: row / (spread(row) + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: r / (spreads(r) + 1e-8) if divide else r),
        ],
        "divides by G instead of G − 1 inside the standard deviation": [
            whole_table(lambda r, divide: (r - means(r)) / (spreads(r, ddof=0) + 1e-8 if divide else 1.0)),
            row_by_row(lambda row, divide: (row - row.mean()) / (row.std(correction=0) + 1e-8 if divide else 1)),
        ],
        "divides by the variance": [
            row_by_row(lambda row, divide: (row - row.mean()) / (spread(row) ** 2 + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: (r - means(r)) / (spreads(r) ** 2 + 1e-8 if divide else 1.0)),
        ],
        "divides by another measure of spread": [
            row_by_row(lambda row, divide: (row - row.mean()) / (row.max() - row.min() + 1e-8 if divide else 1)),
            whole_table(
                lambda r, divide: (r - means(r)) / (spreads(r) / np.sqrt(r.shape[1]) + 1e-8 if divide else 1.0)
            ),
        ],
        "divides by 0 in a group without spread": [
            row_by_row(lambda row, divide: (row - row.mean()) / (row.std() if divide else 1)),
            row_by_row(lambda row, divide: (row - row.mean()) / (spread(row) if divide else 1)),
        ],
        "has another small number, or has it in another place": [
            row_by_row(lambda row, divide: (row - row.mean()) / ((row.var() + 1e-8) ** 0.5 if divide else 1)),
            whole_table(lambda r, divide: (r - means(r)) / (spreads(r) + 1e-6 if divide else 1.0)),
        ],
        "lets the division reach only one of the two": [
            row_by_row(lambda row, divide: row - row.mean() / (spread(row) + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: r / (spreads(r) + 1e-8 if divide else 1.0) - means(r)),
        ],
        "never divides": [
            row_by_row(lambda row, divide: row - row.mean()),
            whole_table(lambda r, divide: r - r.sum(1, keepdims=True) / r.shape[1]),
        ],
        "always divides": [
            row_by_row(lambda row, divide: (row - row.mean()) / (spread(row) + 1e-8)),
            whole_table(lambda r, divide: numpy_group(r, True)),
        ],
        "has `divide` upside down": [
            row_by_row(lambda row, divide: (row - row.mean()) / (1 if divide else spread(row) + 1e-8)),
            whole_table(lambda r, divide: numpy_group(r, not divide)),
        ],
        "turns the signs around": [
            row_by_row(lambda row, divide: (row.mean() - row) / (spread(row) + 1e-8 if divide else 1)),
            whole_table(lambda r, divide: -numpy_group(r, divide)),
        ],
        "lets a gradient through": [flows, flows_transposed],
    },
}

EQUIVALENT = {}
