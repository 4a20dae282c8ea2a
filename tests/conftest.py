"""Settings that all tests share."""

import torch

torch.set_num_threads(1)  # small tensors gain nothing from a second thread, and lose much beside a busy process

# No doctests in them; and two modules of one name clash.
collect_ignore = ["conftest.py", "browser/conftest.py", "no_network", "distributed_run.py"]
