"""Which exercises were solved on this machine: a small file in the user's data folder."""

import datetime
import json
import os
from pathlib import Path

from platformdirs import user_data_path


def file():
    """Where the progress is kept."""
    return Path(user_data_path("ppo_lessons", appauthor=False)) / "practice.json"


def solved():
    """Solved exercises and the day each was solved first. A damaged file is set aside, not fatal."""
    path = file()
    try:
        days = json.loads(path.read_text("utf-8"))
        if not (isinstance(days, dict) and all(isinstance(day, str) for day in days.values())):
            raise ValueError("not a table of days")
        return days
    except FileNotFoundError:
        return {}
    except OSError:
        return {}
    except ValueError:
        os.replace(path, path.with_suffix(".damaged.json"))
        return {}


def record(name):
    """Note that an exercise is solved.

    Returns:
        str: what went wrong, empty if nothing did. A full disk is no reason to spoil a right answer.
    """
    try:
        path, days = file(), solved()
        if name not in days:
            days[name] = datetime.date.today().isoformat()
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.tmp")
            unfinished.write_text(json.dumps(days, indent=1), "utf-8")
            os.replace(unfinished, path)
    except OSError as error:
        return f"Your progress could not be written: {error}"
    return ""
