"""The networks: layers by the shape of what they see, bytes until the first layer, a trunk that is walked once."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from ppo_lessons.trainer.networks import ATARI, actor_and_critic, threads_for
from ppo_lessons.trainer.optimizer import Adam

BYTES = gymnasium.spaces.Box(0, 255, ATARI, dtype=np.uint8)
SMALL = gymnasium.spaces.Box(0, 1, (10, 10, 4), dtype=np.uint8)
ACTIONS = gymnasium.spaces.Discrete(6)
FLAT = [gymnasium.spaces.Box(-1, 1, shape) for shape in ((4,), (2, 3), (3, 20, 20), (17, 10, 4))]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def build(space, actions=ACTIONS, hidden=16):
    return actor_and_critic(space, actions, hidden, generator=generator())


def pictures(*batch, seed=0):
    return torch.randint(0, 256, (*batch, *ATARI), dtype=torch.uint8, generator=generator(seed))


def kinds(network):
    return [type(layer).__mro__[1] for layer in network.modules() if list(layer.parameters(recurse=False))]


def linear_layers(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


# Shapes and layers


@pytest.mark.parametrize("batch", [(), (5,), (3, 2)])
@pytest.mark.parametrize("space", [BYTES, SMALL, *FLAT], ids=lambda space: str(space.shape))
def test_whatever_stands_before_an_observation_stands_before_the_answer(space, batch):
    actor, critic = build(space)
    observations = torch.ones(*batch, *space.shape).to(torch.uint8 if space.dtype == np.uint8 else torch.float32)
    assert actor(observations).shape == (*batch, 6)
    assert critic(observations).shape == (*batch, 1)
    gaussian, _ = build(space, gymnasium.spaces.Box(-1, 1, (2,)))
    assert gaussian(observations).shape == (*batch, 4)


def test_the_shape_chooses_the_layers():
    assert [kinds(build(space)[0]) for space in FLAT] == [[nn.Linear] * 3] * len(FLAT)
    assert kinds(build(SMALL)[0]) == [nn.Linear] * 3
    assert kinds(build(BYTES)[0]) == [nn.Conv2d, nn.Conv2d, nn.Conv2d, nn.Linear, nn.Linear]


def test_flat_numbers_meet_two_tanh_layers():
    actor, _ = build(FLAT[1])
    observations = torch.randn(5, 2, 3, generator=generator())
    x, layers = observations.reshape(5, 6), linear_layers(actor)
    for layer in layers[:-1]:
        x = (x @ layer.weight.T + layer.bias).tanh()
    torch.testing.assert_close(actor(observations), x @ layers[-1].weight.T + layers[-1].bias)


def test_pictures_meet_the_network_of_mnih_et_al():
    """1,686,180 numbers in the network for four actions: Mnih et al. (2015), figure 1 and its legend."""
    actor, _ = build(BYTES, gymnasium.spaces.Discrete(4), hidden=7)  # `hidden` has no say here
    assert sum(p.numel() for p in actor.parameters()) == 1_686_180 - 4 * 512 - 4 + 4 * 513
    twin = nn.Sequential(
        nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 4),
    )  # fmt: skip
    twin.load_state_dict(dict(zip(twin.state_dict(), actor.state_dict().values(), strict=True)))
    torch.testing.assert_close(actor(pictures(3)), twin(pictures(3).float() / 255))


def test_small_images_meet_two_relu_layers():
    """All cells in one row: channel by channel, each row by row."""
    actor, _ = build(SMALL)
    observations = torch.randint(0, 2, (5, 10, 10, 4), dtype=torch.uint8, generator=generator())
    x, layers = observations.permute(0, 3, 1, 2).reshape(5, 400).float(), linear_layers(actor)
    for layer in layers[:-1]:
        x = (x @ layer.weight.T + layer.bias).relu()
    torch.testing.assert_close(actor(observations), x @ layers[-1].weight.T + layers[-1].bias)


@pytest.mark.parametrize("space", [BYTES, SMALL, FLAT[0]], ids=lambda space: str(space.shape))
def test_weights_are_orthogonal_times_a_gain_and_biases_0(space):
    for network, last_gain in zip(build(space), (0.01, 1.0), strict=True):
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
        for layer in layers:
            gain, rows = last_gain if layer is layers[-1] else 2**0.5, layer.weight.flatten(1)
            rows = rows if len(rows) <= rows.shape[1] else rows.T
            torch.testing.assert_close(rows @ rows.T, gain**2 * torch.eye(len(rows)), atol=1e-5, rtol=0)
            assert not layer.bias.any()


@pytest.mark.parametrize("space", [BYTES, SMALL, FLAT[0]], ids=lambda space: str(space.shape))
def test_a_seed_gives_the_same_networks_on_any_number_of_threads(space):
    threads, states = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            states.append([network.state_dict() for network in build(space)])
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(*states, strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)


# The shared trunk


def losses(actor, critic, observations):
    return actor(observations).square().sum() + critic(observations).square().sum()


def apart(actor, critic):
    """The same networks, each with a trunk of its own: two passes."""
    return copy.deepcopy(actor), copy.deepcopy(critic)


def passes(actor):
    """A list that grows by the number of pictures whenever some pass through the trunk."""
    seen = []
    first = next(layer for layer in actor.modules() if isinstance(layer, nn.Conv2d))
    first.register_forward_hook(lambda layer, given, answer: seen.append(len(answer)))
    return seen


@pytest.mark.parametrize(("shape", "threads"), [((4,), 1), ((10, 10, 4), 1), (ATARI, 2)])
def test_only_the_network_for_pictures_works_on_several_threads(shape, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threads_for(shape):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_only_pictures_have_a_shared_trunk():
    for space in (BYTES, SMALL, FLAT[0]):
        actor, critic = build(space)
        shared = {id(p) for p in actor.parameters()} & {id(p) for p in critic.parameters()}
        assert len(shared) == (8 if space is BYTES else 0)
        optimizer = Adam([*actor.parameters(), *critic.parameters()], lr=0.1, eps=1e-5)
        known = [id(p) for p in optimizer.param_groups[0]["params"]]
        assert len(known) == len(set(known))


def test_a_step_moves_a_shared_weight_once():
    """As PyTorch's Adam moves the same networks, whose parameters are listed once."""
    actor, critic = build(BYTES)
    both = nn.ModuleList(copy.deepcopy((actor, critic)))
    parameters, observations = [*actor.parameters(), *critic.parameters()], pictures(4)
    ours = Adam(parameters, lr=0.01, eps=1e-5), losses(actor, critic, observations)
    theirs = torch.optim.Adam(both.parameters(), lr=0.01, eps=1e-5), losses(*both, observations)
    for optimizer, loss in (ours, theirs):
        loss.backward()
        optimizer.step()
    for one, two in zip(nn.ModuleList((actor, critic)).parameters(), both.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def test_one_pass_gives_the_numbers_and_gradients_of_two():
    actor, critic = build(BYTES)
    actor_2, critic_2 = apart(actor, critic)
    seen, observations = passes(actor), pictures(6)
    loss, loss_2 = losses(actor, critic, observations), losses(actor_2, critic_2, observations)
    assert seen == [6]
    assert loss.item() == loss_2.item()
    loss.backward()
    loss_2.backward()
    trunk, trunk_of_actor, trunk_of_critic = (list(n.layers[0].parameters()) for n in (actor, actor_2, critic_2))
    for p, a, c in zip(trunk, trunk_of_actor, trunk_of_critic, strict=True):
        torch.testing.assert_close(p.grad, a.grad + c.grad, rtol=1e-4, atol=1e-6)
    for one, two in ((actor, actor_2), (critic, critic_2)):
        assert torch.equal(one.layers[-1].weight.grad, two.layers[-1].weight.grad)


@torch.no_grad()
def move_by_adam(actor):
    optimizer = Adam(actor.parameters(), lr=0.01, eps=1e-5)
    for p in actor.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()


@torch.no_grad()
def move_by_a_vector(actor):
    vector = nn.utils.parameters_to_vector(actor.parameters())
    nn.utils.vector_to_parameters(vector + 0.01, actor.parameters())


def move_by_loading(actor):
    actor.load_state_dict({name: tensor + 0.01 for name, tensor in actor.state_dict().items()})


@pytest.mark.parametrize("move", [move_by_adam, move_by_a_vector, move_by_loading])
def test_no_answer_outlives_a_change_of_the_weights(move):
    """The fused Adam and `vector_to_parameters` leave no trace in a tensor's version."""
    actor, critic = build(BYTES)
    observations = pictures(2)
    with torch.no_grad():
        before = actor(observations)
    losses(actor, critic, observations).backward()
    move(actor)
    with torch.no_grad():
        assert not torch.equal(actor(observations), before)
    after, value = actor(observations), critic(observations)
    fresh = copy.deepcopy(actor)
    assert torch.equal(after, fresh(observations))
    assert torch.equal(value, copy.deepcopy(critic)(observations))


def test_no_answer_outlives_a_change_of_the_observations():
    actor, critic = build(BYTES)
    observations = pictures(2)
    actor(observations)
    observations.copy_(pictures(2, seed=1))
    assert torch.equal(critic(observations), copy.deepcopy(critic)(observations))
    assert not torch.equal(critic(observations), critic(pictures(2)))


def test_other_observations_with_the_same_numbers_are_asked_anew():
    actor, critic = build(BYTES)
    seen = passes(actor)
    actor(pictures(2)), critic(pictures(2))
    assert seen == [2, 2]


def test_a_graph_is_walked_back_once_and_then_built_anew():
    actor, _ = build(BYTES)
    observations = pictures(2)
    for action in (0, 1):
        actor(observations)[:, action].sum().backward()
    one, two = (torch.autograd.grad(actor(observations).sum(), list(actor.parameters())) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_an_answer_without_a_graph_is_not_kept():
    actor, critic = build(BYTES)
    observations = pictures(2)
    with torch.no_grad():
        actor(observations)
    assert critic(observations).requires_grad
    with torch.inference_mode():
        assert actor(pictures(2)).isfinite().all()
    for p in actor.parameters():
        p.requires_grad_(False)
    assert torch.equal(actor(observations), actor(observations))


def test_networks_with_a_trunk_can_be_copied_pickled_saved_and_loaded():
    actor, critic = build(BYTES)
    observations = pictures(2)
    answer = actor(observations)  # with a graph, which nobody may copy
    for copied in (copy.deepcopy(actor), pickle.loads(pickle.dumps(actor))):
        assert torch.equal(copied(observations), answer)
    both = copy.deepcopy((actor, critic))
    assert both[0].layers[0] is both[1].layers[0]  # still shared
    other, _ = actor_and_critic(BYTES, ACTIONS, 16, generator=generator(1))
    assert not torch.equal(other(observations), answer)
    other.load_state_dict(actor.state_dict())
    assert torch.equal(other(observations), answer)
