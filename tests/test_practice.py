"""The checks of the learner's code: right answers pass however they are written, wrong ones are called by their name.

tests/practice/<lesson>.py holds what learners may write: RIGHT ways, every listed mistake WRONG in two ways, and the
EQUIVALENT mutants, which look different and do the same.
"""

import importlib
import json
import math
import re
import signal
import threading
import time

import nbformat
import pytest
import torch
from notebook_runner import ROOT, code_of

from ppo_lessons import LESSONS
from ppo_lessons.clip import clipped_objective
from ppo_lessons.practice import EXERCISES, NotSolved, check, checking, hints, limit, progress, slips
from ppo_lessons.practice.checking import diagnose
from tests.practice import fifth, fourth, others, second, third
from tests.practice.mutants import mutants

ATTEMPTS = [importlib.import_module(f"tests.practice.{lesson}") for lesson in (*LESSONS, "ppo", "details", "language")]
RIGHT = {name: ways for attempts in ATTEMPTS for name, ways in attempts.RIGHT.items()}
WRONG = {name: ways for attempts in ATTEMPTS for name, ways in attempts.WRONG.items()}
EQUIVALENT = {name: sources for attempts in ATTEMPTS for name, sources in attempts.EQUIVALENT.items()}
MISTAKES = [(exercise, mistake) for exercise in EXERCISES.values() for mistake in exercise.mistakes]


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    """The progress of whoever runs the tests stays what it is."""
    monkeypatch.setattr(progress, "file", lambda: tmp_path / "data" / "practice.json")
    return tmp_path / "data" / "practice.json"


def named(exercise, function):
    function.__name__ = exercise.name
    return function


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_an_exercise(lesson):
    assert any(exercise.function.__module__ == f"ppo_lessons.{lesson}" for exercise in EXERCISES.values())


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_exercise_is_complete(exercise):
    assert len({mistake.name for mistake in exercise.mistakes}) == len(exercise.mistakes) >= 6
    assert len(exercise.hints) == 3 and exercise.first
    assert set(WRONG[exercise.name]) == {mistake.name for mistake in exercise.mistakes}
    assert all(len(ways) >= 2 for ways in WRONG[exercise.name].values())
    assert len(RIGHT[exercise.name]) >= 2


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_package_passes_its_own_check(exercise):
    assert diagnose(exercise, exercise.function).state == "right"


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_other_right_ways_pass(exercise):
    for function in RIGHT[exercise.name]:
        found = diagnose(exercise, function)
        assert found.state == "right", f"{function.__name__}: {found.title}"


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=[f"{e.name}: {m.name}" for e, m in MISTAKES])
def test_mistake_is_called_by_its_name(exercise, mistake):
    for function in (*mistake.versions, *WRONG[exercise.name][mistake.name]):
        found = diagnose(exercise, function)
        assert (found.state, found.title) == ("wrong", mistake.name)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_no_mutant_is_accepted(exercise, monkeypatch):
    monkeypatch.setattr(checking, "explain", lambda *_: checking.Finding("wrong", "whatever it is"))
    changed = list(mutants(exercise.function))
    assert len(changed) >= 4
    accepted = {source for source, function in changed if diagnose(exercise, function).state == "right"}
    assert accepted == EQUIVALENT.get(exercise.name, set())


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_feedback_points_to_sections_that_exist(exercise):
    cells = nbformat.read(ROOT / "notebooks" / f"{exercise.notebook}.ipynb", as_version=4).cells
    lines = {line.lstrip("# ") for cell in cells for line in cell.source.splitlines() if line.startswith("## ")}
    assert {mistake.look for mistake in exercise.mistakes} <= lines


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_notebook_asks_checks_and_hints(exercise):
    code = code_of(ROOT / "notebooks" / f"{exercise.notebook}.ipynb")
    stub = next(source for source in code if f"def {exercise.name}(" in source)
    names = {}
    exec(stub, {"torch": torch}, names)
    assert f"check({exercise.name})" in "\n".join(code)
    assert f"hints({exercise.name})" in "\n".join(code)
    with pytest.raises(NotSolved):
        check(names[exercise.name], strict=True)


def test_a_stub_is_told_where_to_begin():
    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        """Write it here."""
        ...

    answer = check(my_gae)
    assert answer.state == "open" and "not attempted yet" in str(answer) and "td_error" in str(answer)
    assert answer.function is EXERCISES["my_gae"].function
    with pytest.raises(NotSolved, match="not attempted"):
        check(my_gae, strict=True)


def test_a_right_answer_says_what_was_tested_and_shows_the_running_trajectory(own_progress):
    function = named(EXERCISES["my_gae"], RIGHT["my_gae"][0])
    answer = check(function)
    assert answer.state == "right" and answer.function is function
    assert "correct" in str(answer) and "one step at a time limit" in str(answer)
    assert "-0.1733" in str(answer) and "-0.1733" in answer._repr_html_()
    assert list(json.loads(own_progress.read_text())) == ["my_gae"]
    check(function, strict=True)


def test_a_wrong_answer_shows_the_smallest_input(own_progress):
    wrong = named(EXERCISES["my_gae"], WRONG["my_gae"]["returns the TD errors"][0])
    answer = check(wrong)
    assert "returns the TD errors" in str(answer) and "3. From an average to a sum" in str(answer)
    assert answer.finding.case.size == 10  # two steps of five inputs: on one step it is right
    assert "expected" in str(answer) and "yours" in str(answer)
    assert not own_progress.exists()
    with pytest.raises(NotSolved, match="returns the TD errors"):
        check(wrong, strict=True)


def test_an_exception_is_shown_with_the_learners_own_line():
    def my_entropy(logits):
        shifted = logits - 1
        return shifted + undefined_name  # noqa: F821

    answer = check(my_entropy)
    assert "NameError" in str(answer) and "return shifted + undefined_name" in str(answer)


def test_a_name_that_is_not_known_is_told_with_its_import():
    def my_surrogate_objective(logp, old_logp, advantages):
        return (ratio(logp, old_logp) * advantages).mean()  # noqa: F821

    told = check(my_surrogate_objective)
    assert "`ratio` is not known here: `from ppo_lessons.importance_sampling import ratio`" in str(told)
    assert "<code>from ppo_lessons.importance_sampling import ratio</code>" in told._repr_html_()


def test_a_function_whose_name_the_notebook_gave_away_is_told_with_its_import():
    names = {"ratio": torch.ones(1)}
    exec("def my_surrogate_objective(logp, old_logp, advantages):\n    return ratio(logp, old_logp).mean()", names)
    told = str(check(names["my_surrogate_objective"]))
    assert "something else in this notebook" in told and "from ppo_lessons.importance_sampling import ratio" in told


def test_names_that_are_nearly_those_of_arguments():
    def my_value_loss(values, targets):
        return (value - targets).square().mean()  # noqa: F821

    def my_reward_to_go(rewards, *, gamma):
        return rewards * γ  # noqa: F821

    def my_normalize(advantages):
        advantages = advantages - mean  # noqa: F821
        mean = advantages.mean()
        return mean

    def my_expectation(values, probabilities):
        return total_of(values, probabilities)  # noqa: F821

    assert "Did you mean values?" in str(check(my_value_loss))
    assert "γ is called gamma here" in str(check(my_reward_to_go))
    assert "give it a value before" in str(check(my_normalize))
    assert "The arguments are values, probabilities; every other name" in str(check(my_expectation))


def test_functions_that_take_a_single_number_are_explained():
    def my_softmax_policy(logits, *, temperature):
        return math.exp(logits / temperature)

    assert "`math` and `float` take a single number" in str(check(my_softmax_policy))


def endless(rewards, *, gamma):
    t, total = len(rewards) - 1, 0.0
    while t >= 0:
        try:
            total = rewards[t] + gamma * total
        except Exception:
            break
    return total


def in_another_thread(function):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(check(function)))
    thread.start()
    thread.join()
    return answers[0]


@pytest.mark.parametrize("where", [check, in_another_thread])
def test_an_endless_loop_ends(where, monkeypatch):
    monkeypatch.setattr(limit, "SECONDS", 0.3)
    start = time.monotonic()
    told = str(where(named(EXERCISES["my_reward_to_go"], endless)))
    assert time.monotonic() - start < 3
    assert "did not come to an end within 0.3 seconds" in told and "A loop in it has no end" in told
    assert "\nline " in told and "one step" in told


def test_a_loop_that_ends_on_small_inputs_only_is_told_as_one_without_end(monkeypatch):
    monkeypatch.setattr(limit, "SECONDS", 0.3)

    def my_reward_to_go(rewards, *, gamma):
        return rewards if len(rewards) < 3 else endless(rewards, gamma=gamma)

    assert "did not come to an end" in str(check(my_reward_to_go))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarm clock on this system")
def test_the_alarm_of_somebody_else_still_rings():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    others_alarm = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with limit.time_limit(5.0, None):
            pass
        assert signal.getitimer(signal.ITIMER_REAL)[0] <= 0.3
        time.sleep(0.5)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *others_alarm)


def test_a_function_that_calls_itself_for_ever_is_explained():
    def my_entropy(logits):
        return my_entropy(logits)

    assert "calls itself again and again" in str(check(my_entropy))


def test_a_wrong_signature_is_answered_with_the_call():
    def my_gae(rewards):
        return rewards + 1

    assert "my_gae(rewards, values, next_values, terminated, truncated, gamma=1.0, lam=0.5)" in str(check(my_gae))


def test_what_the_learner_prints_is_shown_once(capsys):
    def my_entropy(logits):
        print("here", logits.shape)
        return logits

    assert "it printed" in str(check(my_entropy)) and "here" in str(check(my_entropy))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda x: None, "returns nothing"),
        (lambda x: "no", "not a tensor of numbers"),
        (lambda x: [[1.0], [1.0, 2.0]], "not a tensor of numbers"),
        (lambda x: torch.zeros(2, 2, 2, 2), "another shape"),
    ],
)
def test_a_result_that_is_no_answer_is_named(result, told):
    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        return result(rewards)

    assert told in str(check(my_gae))


def test_gradients_count():
    def my_clipped_objective(logp, old_logp, advantages, *, epsilon):
        return RIGHT["my_clipped_objective"][0](logp, old_logp, advantages, epsilon=epsilon).item()

    assert "lets no gradient through" in str(check(my_clipped_objective))


def test_a_card_says_of_what_the_gradients_are():
    def my_value_loss(values, targets):
        return torch.nn.functional.mse_loss(values, targets)

    def my_entropy(logits):
        logp = logits.log_softmax(-1)
        return -(logp.exp().detach() * logp).sum(-1)

    assert "the gradients are of  the result" in str(check(my_value_loss))
    assert check(my_entropy).finding.expected.value.dim() == 0
    answer = check(named(EXERCISES["my_subtract_baseline"], lambda returns, values: returns - values))
    assert "the gradients are of  1·y1, where y is the result" in str(answer)


def test_gradients_of_a_wrong_value_are_not_shown():
    def my_score_objective(logp, weights):
        return weights * logp

    assert "gradient" not in str(check(my_score_objective))


def test_an_input_counts_as_right_only_with_its_gradient():
    """The gradient is wrong in every case, the value on one step alone."""

    def my_value_loss(values, targets):
        return RIGHT["my_value_loss"][0](values, targets) + (values - values.detach()).sum() + (len(values) == 1)

    assert "It is right on none of the inputs" in str(check(my_value_loss))


def test_a_factor_that_is_1_may_have_a_gradient():
    def my_expected_return(returns, probabilities):
        return RIGHT["my_expected_return"][0](returns, probabilities) * probabilities.sum()

    assert "a factor that is 1" in str(check(my_expected_return))


def test_a_slice_that_makes_the_list_shorter_is_told():
    def my_subtract_baseline(returns, values):
        return returns[:-1] - values[1:]

    assert "Expected is (1,), yours is (0,). A slice such as" in str(check(my_subtract_baseline))


@pytest.mark.parametrize(
    ("name", "attempt", "told"),
    [
        ("my_softmax_policy", lambda logits, temperature: logits.softmax(1), "The last axis is -1"),
        ("my_softmax_policy", lambda logits, temperature: logits - logits.max(-1, keepdim=True), "take `.values`"),
        ("my_softmax_policy", lambda logits, temperature: max(logits) if logits.dim() > 1 else 1, "of each row"),
        ("my_score_objective", lambda logp, weights: logp.sum() / logp.shape[1], "no `shape[1]`"),
        ("my_score_objective", lambda logp, weights: (2 * weights).requires_grad_(False), "held constant"),
        ("my_reward_to_go", lambda rewards, gamma: sum(rewards.tolist(), [0.0]), "turns it round"),
        ("my_value_loss", lambda values, targets: (values - targets)[..., None].expand(-1, 2).item(), "has many"),
    ],
)
def test_common_exceptions_are_explained(name, attempt, told):
    assert told in str(check(named(EXERCISES[name], attempt)))


def test_a_function_for_one_column_is_told_so():
    def my_normalize(advantages):
        mean, spread = advantages.mean(0), advantages.std(0)
        return (advantages - mean) / (spread.mean() + 1e-8)

    told = str(check(my_normalize))
    assert "goes wrong where several lists stand side by side" in told and "With a single list it is right" in told


def test_a_factor_is_named():
    def my_entropy(logits):
        logp = logits.log_softmax(-1)
        return -3 * (logp.exp() * logp).sum(-1)

    assert "the right one times 3." in str(check(my_entropy))


def test_a_factor_that_some_inputs_contradict_is_not_named():
    def my_adapt_beta(beta, kl, *, target):
        return beta / 2 if kl < target / 15 else beta * 2 if kl > 1.5 * target else beta

    told = check(my_adapt_beta)
    assert told.state == "wrong" and "off by a factor" not in str(told)


@pytest.mark.parametrize("attempt", others.TOLD, ids=lambda attempt: attempt.__name__)
def test_what_nobody_foresaw_is_named_or_shown_on_a_small_input(attempt):
    found = diagnose(EXERCISES[f"my_{attempt.__name__}"], attempt)
    assert found.state == "wrong" and others.TOLD[attempt] in f"{found.title} {found.text}"
    assert found.text and found.case.size <= 10 and not found.text.startswith("It is right on ")


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        pytest.param(attempt, told, id=f"{module.__name__}-{attempt.__name__}")
        for module in (second, third, fourth, fifth)
        for attempt, told in module.TOLD.items()
    ],
)
def test_what_nobody_foresaw_is_told_in_words_or_in_code(attempt, told, monkeypatch):
    monkeypatch.setattr(slips, "SECONDS", 60.0)  # on a slow machine, too
    found = diagnose(EXERCISES[f"my_{attempt.__name__}"], attempt)
    assert found.state == "wrong" and found.text and told in found.title


@pytest.mark.parametrize("attempt", second.TOLD, ids=lambda attempt: attempt.__name__)
def test_the_search_for_slips_ends(attempt, monkeypatch):
    monkeypatch.setattr(slips, "SECONDS", 0.0)
    assert diagnose(EXERCISES[f"my_{attempt.__name__}"], attempt).state == "wrong"


def test_a_result_of_another_shape_in_some_cases_is_no_reason_to_stop():
    def my_expectation(values, probabilities):
        return 2 * values[probabilities.argmax(0)]

    assert check(my_expectation).state == "wrong"


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (lambda kl, target: kl.mean(), "returns no yes or no"),
        (lambda kl, target: kl.mean() - target, "returns no yes or no"),
        (lambda kl, target: (kl.mean() > target)[None], "returns no yes or no"),
        (lambda kl, target: kl.mean() > max(target, 0.02), "It says no on a target of 0 and a small move."),
        (lambda kl, target: (kl > 2 * target).any(), "one state of four far beyond the target, the mean below."),
        (lambda kl, target: kl.exp().mean().log() > target, "It says yes on"),
    ],
)
def test_a_wrong_yes_or_no_is_told_by_its_inputs(attempt, told):
    answer = check(named(EXERCISES["my_early_stop"], attempt))
    assert told in str(answer) and "at once" not in str(answer)
    assert f"expected  {answer.finding.expected.value == 1}" in str(answer)


def test_a_right_yes_or_no_is_shown_as_one():
    assert "yours   False" in str(check(named(EXERCISES["my_early_stop"], RIGHT["my_early_stop"][0])))


def test_what_a_small_input_hides_is_not_explained_by_a_slip():
    """The slips that change nothing would agree, were the tolerance not that of the input."""

    def my_approximate_kl(logp, old_logp, *, estimator):
        log_ratio = logp - old_logp.detach()
        k3 = torch.expm1(log_ratio) - log_ratio.exp().log()
        return {"k1": -log_ratio, "k2": log_ratio.square() / 2, "k3": k3}[estimator]

    told = str(check(my_approximate_kl))
    assert "goes wrong on k3 of a ratio that differs from 1 by 1e-8" in told and "axis" not in told


def test_a_ratio_cut_off_at_2_is_no_matter_of_axes():
    def my_surrogate_objective(logp, old_logp, advantages):
        return ((logp - old_logp.detach()).exp().clamp(max=2) * advantages.detach()).mean()

    assert "a ratio of 20" in str(check(my_surrogate_objective))


def test_a_division_that_is_missing_is_told():
    def my_surrogate_objective(logp, old_logp, advantages):
        return ((logp - old_logp.detach()).exp() * advantages.detach()).sum(0).mean()

    assert "Divided by it, the result is right." in str(check(my_surrogate_objective))


def test_a_jump_is_no_slope():
    def my_kl_divergence(logits_p, logits_q):
        log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
        return (log_p - log_q).gather(-1, logits_p.argmax(-1, keepdim=True)).squeeze(-1)

    assert "times as much" not in str(check(my_kl_divergence))


def test_results_that_differ_in_the_sixth_digit_are_told_apart():
    def my_entropy(logits):
        pi = logits.softmax(-1)
        return -(pi * (pi + 1e-5).log()).sum(-1)

    answer = check(my_entropy)
    expected, yours = (row[1] for row in answer.comparison()[:2])
    assert expected != yours and len(yours) > 6


@pytest.mark.parametrize(
    ("surrogate", "told"),
    [
        (lambda terms: terms, "is its `.objective`"),
        (lambda terms: terms.objective + terms.ratio.mean(), "look at the objective and the bonus"),
    ],
)
def test_the_minibatch_step_is_told_which_numbers_are_right(surrogate, told):
    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        logp = actor(minibatch.observations).log_softmax(-1).gather(-1, minibatch.actions[:, None]).squeeze(-1)
        a, e = minibatch.advantages - minibatch.advantages.mean(), config.epsilon
        loss = -surrogate(clipped_objective(logp, minibatch.old_logp, a, epsilon=e))
        error = (critic(minibatch.observations)[:, 0] - minibatch.targets).square().mean()
        loss = loss + config.entropy_weight * logp.exp().mean() + config.value_weight * error
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)
        optimizer.step()

    assert told in str(check(my_minibatch_step))


def test_what_would_make_another_shape_right_is_told():
    def my_kl_divergence(logits_p, logits_q):
        log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
        return log_p.exp() * (log_p - log_q)

    def my_normalize(advantages):
        return RIGHT["my_normalize"][0](advantages), advantages.mean(), advantages.std()

    assert "Its sum along the last axis would be right" in str(check(my_kl_divergence))
    assert "returns several things" in str(check(my_normalize))


def test_a_number_that_the_gradient_needs_changed_in_place_is_explained():
    def my_entropy(logits):
        logp = logits.log_softmax(-1)
        pi = logp.exp()
        result = -(pi * logp).sum(-1)
        pi += 1
        return result

    assert "no gradient can be computed" in str(check(my_entropy)) and "changed in place" in str(check(my_entropy))


def test_two_slips_are_both_told_and_neither_is_one_in_the_gradient():
    def my_surrogate_objective(logp, old_logp, advantages):
        return 1 - (torch.exp(old_logp - logp) * advantages).mean()

    told = str(check(my_surrogate_objective))
    assert "It has the ratio upside down" in told and "And it returns 1 minus the result" in told


def test_an_argument_without_any_effect_is_named():
    def my_reward_to_go(rewards, *, gamma):
        return RIGHT["my_reward_to_go"][0](rewards, gamma=0.37)

    assert "pays no attention to gamma" in str(check(my_reward_to_go))


def test_what_is_on_no_list_is_shown_with_the_inputs_that_are_right():
    def my_expectation(values, probabilities):
        return (values * probabilities**3).sum(0)

    def my_adapt_beta(beta, kl, *, target):
        return beta / 7 if kl < target / 1.5 else beta * 7 if kl > 1.5 * target else beta

    def my_entropy(logits):
        return RIGHT["my_entropy"][0](logits) + 0.3

    told = str(check(my_expectation))
    assert "weighs values[0] wrongly in the result" in told and "It is right on an outcome that never comes" in told
    assert "must change 0.2 times as much; yours changes 0.008 times as much" in told
    told = str(check(my_adapt_beta))
    assert "yours changes 0.1429 times as much" in told and "It is right on a KL at the target" in told
    assert "is off by a constant" in str(check(my_entropy)) and "plus 0.3" in str(check(my_entropy))


def test_a_power_with_the_wrong_sign_is_explained():
    def my_entropy(logits):
        return logits ^ 2

    assert "A power is written `**`" in str(check(my_entropy)) and "return logits ^ 2" in str(check(my_entropy))


def test_an_if_on_a_batch_of_flags_is_explained():
    def my_td_error(rewards, values, next_values, terminated, *, gamma):
        result = []
        for r, v, w, end in zip(rewards, values, next_values, terminated, strict=True):
            result.append(r - v if end else r + gamma * w - v)
        return torch.stack(result)

    told = str(check(my_td_error))
    assert "Several numbers stand side by side" in told and "torch.where" in told and "two games side by side" in told


def test_a_mean_that_was_forgotten_is_named():
    def my_clipped_objective(logp, old_logp, advantages, *, epsilon):
        rho = (logp - old_logp.detach()).exp()
        return torch.minimum(rho * advantages.detach(), rho.clamp(1 - epsilon, 1 + epsilon) * advantages.detach())

    assert "Its mean would be right" in str(check(my_clipped_objective))


def test_nan_is_named():
    def my_entropy(logits):
        return 0 * logits.sum(-1) / 0

    assert "returns nan" in str(check(my_entropy))


def test_infinity_is_named():
    def my_effective_sample_size(weights):
        return 1 / (weights / weights.mean()).var(correction=0)

    assert "returns infinity" in str(check(my_effective_sample_size))


def test_a_number_where_the_answer_is_nan_is_told():
    def my_explained_variance(values, targets):
        return torch.nan_to_num(RIGHT["my_explained_variance"][1](values, targets), nan=0.3)

    assert "returns a number where the answer is nan" in str(check(my_explained_variance))


def test_what_is_drawn_at_random_is_told():
    def my_expected_return(returns, probabilities):
        return returns[torch.multinomial(probabilities, 1000, replacement=True)].mean()

    told = str(check(my_expected_return))
    assert "gives another result each time" in told and "drawn at random" in told


def test_an_input_changed_in_place_is_noticed():
    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        advantages = RIGHT["my_gae"][0](rewards, values, next_values, terminated, truncated, gamma=gamma, lam=lam)
        rewards += 1
        return advantages

    assert "changes its input" in str(check(my_gae)) and "rewards is not what it was" in str(check(my_gae))


def test_two_mistakes_at_once_are_both_told():
    def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        return rewards + gamma * next_values * ~(terminated | truncated) - values

    told = str(check(my_gae))
    assert "makes two mistakes at once" in told and "It treats a time limit as an end" in told
    assert "And it takes lam for 0" in told


def test_a_wrong_value_goes_before_a_gradient_too_many():
    def my_clipped_objective(logp, old_logp, advantages, *, epsilon):
        rho = (logp - old_logp).exp()
        return torch.maximum(rho * advantages, rho.clamp(1 - epsilon, 1 + epsilon) * advantages).mean()

    assert "takes max instead of min" in str(check(my_clipped_objective))


def test_an_unknown_name_lists_the_exercises():
    def my_advice(x):
        return x

    assert "my_advice" in str(check(my_advice)) and all(name in str(check(my_advice)) for name in EXERCISES)
    assert "my_gae" in str(hints(my_advice))
    with pytest.raises(NotSolved):
        check(my_advice, strict=True)


def test_html_is_escaped():
    def my_entropy(logits):
        raise ValueError("<script>")

    assert "<script>" not in check(my_entropy)._repr_html_()


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_hints_are_folded_and_the_solution_is_the_packages_source(exercise):
    shown = hints(named(exercise, lambda: None))._repr_html_()
    assert shown.count("<details") == 4
    assert f"def {exercise.name}(" in shown and "Args:" not in shown and "check_" not in shown
    file = f"{exercise.function.__module__.replace('.', '/')}.py"
    notebook = ROOT / "notebooks" / f"{exercise.notebook}.ipynb"
    link = re.search('href="([^"]*)"', shown)[1]
    assert (notebook.parent / link).resolve() == ROOT / file and (ROOT / file).is_file()


# Progress


def test_progress_keeps_the_first_day_and_survives_a_damaged_file(own_progress):
    assert progress.solved() == {}
    assert progress.record("my_gae") == ""
    assert list(progress.solved()) == ["my_gae"]
    own_progress.write_text('{"my_gae": "2020-01-01"}')
    progress.record("my_gae")
    assert progress.solved() == {"my_gae": "2020-01-01"}
    own_progress.write_text("{broken")
    assert progress.solved() == {}
    assert own_progress.with_suffix(".damaged.json").read_text() == "{broken"
    assert progress.record("my_gae") == "" and list(progress.solved()) == ["my_gae"]


@pytest.mark.parametrize("content", ["[]", '{"my_gae": 3}', "", "\x00"])
def test_a_file_of_another_kind_is_set_aside(own_progress, content):
    own_progress.parent.mkdir()
    own_progress.write_text(content)
    assert progress.solved() == {} and not own_progress.exists()


def test_a_folder_that_cannot_be_written_is_told_and_not_fatal(own_progress):
    own_progress.parent.write_text("a file where the folder should be")
    answer = check(named(EXERCISES["my_gae"], RIGHT["my_gae"][0]))
    assert answer.state == "right" and "could not be written" in str(answer)


def test_the_command_lists_all_exercises(capsys, own_progress):
    from ppo_lessons.practice.__main__ import main

    progress.record("my_gae")
    main()
    out = capsys.readouterr().out
    assert all(name in out for name in EXERCISES)
    assert "[x]  07_gae" in out and f"1 of {len(EXERCISES)} solved" in out and str(own_progress) in out


def test_the_command_writes_json_for_whoever_collects_it(capsys, own_progress):
    from ppo_lessons.practice.__main__ import main

    progress.record("my_gae")
    main(["--json"])
    rows = {row["exercise"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(EXERCISES)
    assert rows["my_gae"] == {
        "exercise": "my_gae",
        "lesson": "07_gae",
        "solved": True,
        "when": progress.solved()["my_gae"],
    }
    assert rows["my_entropy"] == {"exercise": "my_entropy", "lesson": "11_entropy", "solved": False, "when": None}
