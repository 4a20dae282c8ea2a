"""The running trajectory of the course, on which a right answer is shown: `right, right, right` by day."""

import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.gae import gae
from ppo_lessons.reward_to_go import reward_to_go

CELLS, RIGHT = [0, 1, 2], 2
REWARDS = torch.tensor([5.0, 0.0, -2.0], dtype=torch.float64)  # the coin, nothing, the pit
RETURNS = reward_to_go(REWARDS, gamma=1.0)
TERMINATED = torch.tensor([False, False, True])
TRUNCATED = torch.tensor([False, False, False])

_world = Corridor()
_policy = _world.policy(SLIDES_POLICY)
VALUES = _world.tables(_policy, gamma=1.0).values[[0, 1, 2], CELLS]  # exact V_t(s_t) of the policy from the slides
NEXT_VALUES = torch.cat([VALUES[1:], torch.zeros(1, dtype=torch.float64)])
ADVANTAGES = gae(REWARDS, VALUES, NEXT_VALUES, TERMINATED, TRUNCATED, gamma=1.0, lam=0.5)

# The policy from the slides, and a new one that goes right with probability 0.8, 0.7, 0.5: [3 states, 3 actions]
OLD_LOGITS = _policy[CELLS]
LOGITS = torch.tensor([[0.1, 0.1, 0.8], [0.1, 0.2, 0.7], [0.1, 0.4, 0.5]], dtype=torch.float64).log()
OLD_LOGP, LOGP = (logits.log_softmax(-1)[:, RIGHT] for logits in (OLD_LOGITS, LOGITS))

# The play as a whole: its return, its probability (by day, and each step succeeds), and J of the policy from the slides
RETURN = REWARDS.sum()
PROBABILITY = 0.5 * OLD_LOGP.exp().prod() * 0.9**3
J = _world.start_value(_policy)
