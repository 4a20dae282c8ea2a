"""What the page `ppo_lessons/ppo.py` stands on: settings, games, networks, records. No lesson needs it."""
