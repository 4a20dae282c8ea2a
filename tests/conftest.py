"""Settings that all tests share."""

import torch

torch.set_num_threads(1)  # small tensors gain nothing from a second thread, and lose much beside a busy process

# No doctests in them; two modules of one name clash; and JAX is only where the bench is.
collect_ignore = ["conftest.py", "browser/conftest.py", "no_network", "distributed_run.py", "benchmarks/purejax.py"]
