"""A whole update recorded once as a CUDA graph and replayed: Python is out of the loop.

A small network keeps a GPU waiting: each of the thousands of kernels of an update is over before Python has asked for
the next one. A graph holds them all, with the memory that each reads and writes, and one call starts them.
"""

import torch


def capture_update(update, *, game, optimizer, generator):
    """The same update of a torch game, recorded once and replayed. Its learning rate becomes a tensor that it reads."""
    group = optimizer.param_groups[0]
    group["lr"] = torch.tensor(group["lr"], device=game.device)
    held = [(game, "observations"), (game, "returns"), (game.envs, "state"), (game.envs, "elapsed")]
    return Captured(update, device=game.device, generators=[generator, game.envs.generator], held=held)


class Captured:
    """Calls a function the first time, records it the second time, and from then on replays the recording.

    The first call is a real one: it also warms up what must not be set up during a recording. Between two calls the
    function's inputs stay where they are in memory. It may put new tensors into the attributes listed in `held`; their
    values go back into the old memory afterwards. On a CPU, which has no graphs, every call is a real one.

    Args:
        function: () -> tensors, in a tuple or dict, whose shapes never change; it asks no tensor for its values.
        device: where it runs.
        generators: the random numbers that it draws.
        held: (owner, name of an attribute) of each tensor that it replaces.
    """

    def __init__(self, function, *, device, generators, held):
        self.function, self.generators, self.held = function, generators, held
        self.memory = [getattr(owner, name).clone() for owner, name in held]
        self._hold()
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.warm, self.graph, self.results = False, None, None

    def __call__(self):
        if self.stream is None:
            return self._run()
        if not self.warm:
            self.warm = True
            return self._run_aside()
        if self.graph is None:
            self._record()
        self.graph.replay()
        return self.results

    def _run(self):
        results = self.function()
        with torch.no_grad():
            for memory, (owner, name) in zip(self.memory, self.held, strict=True):
                memory.copy_(getattr(owner, name))
        self._hold()
        return results

    def _hold(self):
        for memory, (owner, name) in zip(self.memory, self.held, strict=True):
            setattr(owner, name, memory)

    def _run_aside(self):
        """Run on the stream on which the recording will be made."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            results = self._run()
        torch.cuda.current_stream().wait_stream(self.stream)
        return results

    def _record(self):
        self.graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            self.graph.register_generator_state(generator)
        with torch.cuda.graph(self.graph, stream=self.stream):
            self.results = self._run()
