"""Rows in pieces on two threads: the same numbers as in one piece, whoever works on them."""

import os
import threading

import pytest
import torch
from test_fast_network import gradients, network, steep

from ppo_lessons.ppo import ALGORITHMS, Config, train
from ppo_lessons.trainer import distributed, pieces
from ppo_lessons.trainer.distributed import World
from ppo_lessons.trainer.fast_network import fast_network, plain_network
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.pieces import map_pieces, split


@pytest.fixture
def in_small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "ROWS", 32)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_results_come_in_order_and_from_two_threads(in_small_pieces):
    parts = map_pieces(lambda rows: (rows.sum().item(), threading.get_ident()), split(torch.ones(100)))
    sums, threads = zip(*parts, strict=True)
    assert sums == (32, 32, 32, 4)
    assert threads[0] == threads[2] == threading.get_ident() != threads[1] == threads[3]


@pytest.mark.parametrize("cores", [1, 2, None])
def test_without_a_core_to_spare_there_is_one_thread(cores, in_small_pieces, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(distributed, "world", World(0, 2))
    parts = map_pieces(lambda rows: (len(rows), threading.get_ident()), split(torch.ones(70)))
    assert parts == [(rows, threading.get_ident()) for rows in (32, 32, 6)]


def test_few_rows_are_one_piece_and_none_too():
    for rows in (0, 1, pieces.ROWS):
        assert [len(piece) for piece in split(torch.ones(rows, 2))] == [rows]


def test_what_fails_in_the_second_thread_fails_here(in_small_pieces):
    def fail(rows):
        if threading.get_ident() != here:
            raise ValueError("in the second piece")

    here = threading.get_ident()
    with pytest.raises(ValueError, match="in the second piece"):
        map_pieces(fail, split(torch.ones(40)))


def test_the_number_of_pytorchs_own_threads_stays(in_small_pieces):
    before = torch.get_num_threads()
    assert map_pieces(lambda rows: torch.get_num_threads(), split(torch.ones(40)))[1] == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_same_network_in_pieces(dtype, tolerance, monkeypatch):
    tensors = network(300, dtype)
    whole, its_gradients = fast_network(*tensors), gradients(fast_network, tensors, steep)
    monkeypatch.setattr(pieces, "ROWS", 32)
    assert fast_network(*tensors).grad_fn is not None
    torch.testing.assert_close(fast_network(*tensors), whole, rtol=tolerance, atol=tolerance)
    with torch.no_grad():
        torch.testing.assert_close(fast_network(*tensors), whole, rtol=tolerance, atol=tolerance)
    for in_parts, at_once in zip(gradients(fast_network, tensors, steep), its_gradients, strict=True):
        torch.testing.assert_close(in_parts, at_once, rtol=tolerance, atol=tolerance * at_once.abs().max().item())


def test_one_thread_and_two_give_the_same_bits(in_small_pieces, monkeypatch):
    tensors = network(300, torch.float32)
    two = fast_network(*tensors), *gradients(fast_network, tensors, steep)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    one = fast_network(*tensors), *gradients(fast_network, tensors, steep)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("rows", [20, 300])
def test_gradients_lie_in_memory_as_their_weights_do(rows, in_small_pieces):
    """The fused Adam takes it for granted, and without it pairs gradients with other weights."""
    tensors = network(rows, torch.float32)
    for gradient, parameter in zip(gradients(fast_network, tensors, steep), tensors[1:], strict=True):
        assert gradient.stride() == parameter.stride()


@pytest.mark.parametrize("function", [fast_network, plain_network])
def test_adam_moves_the_weights_whose_gradients_they_are(function, in_small_pieces):
    """The first step of Adam is lr times the sign of the gradient; here the gradients come from `autograd.grad`."""
    tensors = network(300, torch.float64)
    before = [p.detach().clone() for p in tensors[1:]]
    optimizer = Adam(tensors[1:], lr=0.1, eps=0.0)
    for parameter, gradient in zip(tensors[1:], gradients(function, tensors, steep), strict=True):
        parameter.grad = gradient
    signs = [p.grad.sign() for p in tensors[1:]]
    optimizer.step()
    for parameter, old, sign in zip(tensors[1:], before, signs, strict=True):
        torch.testing.assert_close(parameter.detach(), old - 0.1 * sign)


def learned(settings):
    """All weights and numbers after two updates, in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        config = Config(**{**settings, "num_envs": 4, "num_steps": 64, "total_steps": 512, "device": "cpu"})
        last = list(train(config))[-1]
        return torch.cat([p.detach().flatten() for p in last.policy.parameters()]), last.kl, last.value_loss
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_learns_the_same_in_pieces(name, monkeypatch):
    whole = learned(ALGORITHMS[name])
    monkeypatch.setattr(pieces, "ROWS", 32)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    torch.testing.assert_close(learned(ALGORITHMS[name]), whole, rtol=1e-6, atol=1e-6)
