"""Many rows in pieces: what a piece needs stays in the cache, and every other piece is worked on by a second thread.

PyTorch's own threads meet after each operation, and a busy process next door makes each meeting wait. These two meet
once, after all pieces. A piece is the same on every machine, so the number of cores does not show in the result.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from ppo_lessons.trainer import distributed

ROWS = 2048  # of a piece: 64 numbers each are half a megabyte. Fewer rows cost more to hand over than they save


def split(tensor):
    """Pieces of `ROWS` rows, the last one of what is left: a tuple with at least one."""
    return tensor.split(ROWS)


def join(pieces):
    """The opposite of `split`."""
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def map_pieces(function, *pieces):
    """`[function(*piece) for piece in zip(*pieces)]` on two cores. No graph of gradients is recorded.

    Args:
        function: of one piece of each; calls share nothing that one of them changes.
        pieces: sequences of one length.
    """
    if len(pieces[0]) == 1:
        return [function(*(piece[0] for piece in pieces))]
    pieces = list(zip(*pieces, strict=True))
    if (os.cpu_count() or 1) < 2 * distributed.world.size:
        return _run(function, pieces)
    others = _second_thread().submit(_run, function, pieces[1::2])
    results = [None] * len(pieces)
    results[::2] = _run(function, pieces[::2])
    results[1::2] = others.result()
    return results


@cache
def _second_thread():
    """PyTorch lets go of Python's lock inside its operations, so that both threads run."""
    return ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))


@torch.no_grad()  # each thread has its own switch
def _run(function, pieces):
    return [function(*piece) for piece in pieces]
