"""Settings that all tests share."""

import dataclasses

import pytest
import torch

torch.set_num_threads(1)  # small tensors gain nothing from a second thread, and lose much beside a busy process

# No doctests in them; two modules of one name clash; and JAX is only where the bench is.
collect_ignore = ["conftest.py", "browser/conftest.py", "no_network", "distributed_run.py", "benchmarks/purejax.py"]


def pytest_collection_modifyitems(items):
    """The longest files of unit tests begin: at the end all would wait for the one worker that has such a file."""
    items.sort(key=lambda item: item.path.name not in ("test_practice.py", "test_figures.py"))


@pytest.fixture(scope="module")
def short_training():
    """Pictures that train have a part of their budget: for tests of how they look, and not of what is learned."""
    from ppo_lessons.experiments import bug_lab, details, full_run, language, ppo
    from ppo_lessons.figures import ladder

    retraining = ppo.retraining
    with pytest.MonkeyPatch.context() as patch:
        for module in (bug_lab, details, full_run, language):
            patch.setattr(module, "FINISHED", {})  # nobody else may be shown these runs
        patch.setattr(full_run, "LIVE_STEPS", 16_384)
        patch.setitem(full_run.SETTINGS, "num_steps", 16)
        patch.setattr(ladder, "LIVE_STEPS", 4_000)
        patch.setattr(ppo, "retraining", lambda **values: dataclasses.replace(retraining(**values), total_steps=4_096))
        patch.setitem(details.GAMES["CartPole"], "total_steps", 4_096)
        for name, settings in language.RUNS.items():
            patch.setitem(language.RUNS, name, dataclasses.replace(settings, updates=8))
        patch.setitem(bug_lab.SETTINGS, "total_steps", bug_lab.SETTINGS["total_steps"] // 3)
        yield
