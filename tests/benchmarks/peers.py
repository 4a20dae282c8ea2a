"""The trainers that are compared: each a function `train(seed, settings, after_update)`.

All play CartPole-v1 with two hidden layers of 64 tanh units, actor and critic apart; where `settings["game"]` says
"Breakout", ours and PureJaxRL play that. `after_update(steps, act, mean_return)` is called after each piece of training
with the environment steps so far, the greedy policy (observations [N, ...] to actions [N], both NumPy) and, from these
two, the mean return of the episodes that ended in the last update; where it returns True, training ends. Libraries are
imported inside, so that each process pays for its own.
"""

# What all trainers can be told, lengths in steps of one game. `PLAIN` is that of `trainer/config.py`: with it the
# speeds are measured. `OURS` are the defaults of `Config`, searched for this game.
PLAIN = {"num_envs": 64, "num_steps": 32, "epochs": 4, "minibatches": 4, "learning_rate": 5e-3, "annealed": True}
PLAIN |= {"gamma": 0.99, "lam": 0.95, "epsilon": 0.2, "entropy": 0.01, "total_steps": 100_000}
OURS = PLAIN | {"num_envs": 32, "num_steps": 64, "epochs": 16, "minibatches": 2, "learning_rate": 1e-2}
OURS |= {"total_steps": 35_000}
BREAKOUT = PLAIN | {"game": "Breakout", "num_envs": 1024, "total_steps": 10_000_000}
# CleanRL's ppo.py, as its authors run it on CartPole-v1. PureJaxRL's authors took over the same numbers.
CLEANRL = PLAIN | {"num_envs": 4, "num_steps": 128, "learning_rate": 2.5e-4, "total_steps": 500_000}
# What the authors of Stable-Baselines3 tuned for this game (rl-baselines3-zoo); SBX has the same settings.
ZOO = PLAIN | {"num_envs": 8, "epochs": 20, "minibatches": 1, "learning_rate": 1e-3, "gamma": 0.98, "lam": 0.8}
ZOO |= {"entropy": 0.0, "epsilon_annealed": True}
# rejax's own configuration file for this game.
REJAX = PLAIN | {"num_envs": 5, "num_steps": 100, "epochs": 5, "minibatches": 5, "learning_rate": 7.5e-4}
REJAX |= {"annealed": False}

GAMES = {"CartPole": "CartPole-v1", "Breakout": "Breakout-v0"}


def ours(seed, settings, after_update):
    import torch

    from ppo_lessons.ppo import Config, train

    names = {"epsilon", "gamma", "lam", "num_envs", "num_steps", "epochs", "minibatches", "learning_rate"}
    shared = {name: settings[name] for name in (*names, "total_steps", "device", "capture") if name in settings}
    game = f"ppo_lessons/{GAMES[settings.get('game', 'CartPole')]}"
    fixed = {"env_id": game, "device": "cpu", "seed": seed, "entropy_weight": settings["entropy"]}
    config = Config(**{**fixed, **shared})
    for record in train(config):

        def act(observations, actor=record.policy):
            with torch.no_grad():
                return actor(torch.as_tensor(observations, device=config.device)).argmax(-1).cpu().numpy()

        if after_update(record.env_steps, act, record.mean_return):
            break


def stable_baselines3(seed, settings, after_update):
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)  # its networks are small: a second thread makes it slower
    _with_their_interface(PPO, seed, settings, after_update, device="cpu")


def sbx(seed, settings, after_update):
    from sbx import PPO

    _with_their_interface(PPO, seed, settings, after_update)


def _with_their_interface(algorithm, seed, settings, after_update, **where):
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env

    class Watch(BaseCallback):
        """A rollout begins after each update; where training is to end, its first step says so."""

        ended = False

        def _on_rollout_start(self):
            self.ended = self.ended or after_update(self.num_timesteps, self.act)

        def _on_step(self):
            return not self.ended

        def _on_training_end(self):
            if not self.ended:
                after_update(self.num_timesteps, self.act)

        def act(self, observations):
            return self.model.predict(observations, deterministic=True)[0]

    def falling(start, annealed):
        return (lambda remaining: remaining * start) if annealed else start

    steps = settings["num_envs"] * settings["num_steps"]
    model = algorithm(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=settings["num_envs"], seed=seed),
        n_steps=settings["num_steps"],
        batch_size=steps // settings["minibatches"],
        n_epochs=settings["epochs"],
        learning_rate=falling(settings["learning_rate"], settings["annealed"]),
        clip_range=falling(settings["epsilon"], settings.get("epsilon_annealed", False)),
        gamma=settings["gamma"],
        gae_lambda=settings["lam"],
        ent_coef=settings["entropy"],
        vf_coef=0.5,
        max_grad_norm=0.5,
        seed=seed,
        **where,
    )
    model.learn(settings["total_steps"], callback=Watch())


def rejax(seed, settings, after_update):
    import jax
    import numpy
    import optax
    from rejax import get_algo

    batch = settings["num_envs"] * settings["num_steps"]
    updates = settings["total_steps"] // batch
    piece = max(1, 5000 // batch) if updates > 1 else 1  # updates in one call of the compiled program
    rate = settings["learning_rate"]
    if settings["annealed"]:
        rate = optax.linear_schedule(rate, 0.0, updates * settings["epochs"] * settings["minibatches"])
    algorithm = get_algo("ppo").create(
        env="CartPole-v1",
        agent_kwargs={"activation": "tanh"},
        num_envs=settings["num_envs"],
        num_steps=settings["num_steps"],
        num_epochs=settings["epochs"],
        num_minibatches=settings["minibatches"],
        learning_rate=rate,
        max_grad_norm=0.5,
        gamma=settings["gamma"],
        gae_lambda=settings["lam"],
        clip_eps=settings["epsilon"],
        ent_coef=settings["entropy"],
        vf_coef=0.5,
        total_timesteps=piece * batch,
        eval_freq=piece * batch,
        skip_initial_evaluation=True,
    )
    algorithm = algorithm.replace(eval_callback=lambda algorithm, state, key: ())
    train = jax.jit(lambda state: algorithm.train(train_state=state)[0])
    logits = jax.jit(lambda parameters, x: algorithm.actor.apply(parameters, x, method="_action_dist").logits)
    state = algorithm.init_state(jax.random.PRNGKey(seed))
    for number in range(updates // piece + 1):
        if number:
            state = jax.block_until_ready(train(state))

        def act(observations, parameters=state.actor_ts.params):
            return numpy.asarray(logits(parameters, observations)).argmax(-1)

        if after_update(number * piece * batch, act):
            break


def purejaxrl(seed, settings, after_update):
    from purejax import train

    train(seed, settings, after_update)


TRAINERS = {"ours": ours, "Stable-Baselines3": stable_baselines3, "SBX": sbx, "rejax": rejax, "PureJaxRL": purejaxrl}
