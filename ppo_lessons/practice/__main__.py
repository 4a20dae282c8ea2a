"""`python -m ppo_lessons.practice`: the exercises of the course, and which of them are solved on this machine."""

import argparse
import json
import sys

from ppo_lessons.practice import EXERCISES, progress


def main(arguments=()):
    parser = argparse.ArgumentParser(prog="python -m ppo_lessons.practice", description=__doc__.partition(": ")[2])
    parser.add_argument("--json", action="store_true", help="write the table as JSON")
    as_json, days = parser.parse_args(arguments).json, progress.solved()
    if as_json:
        print(json.dumps([row(exercise, days.get(exercise.name)) for exercise in EXERCISES.values()], indent=1))
        return
    for exercise in EXERCISES.values():
        day = days.get(exercise.name)
        mark, when = ("[x]", f"solved {day}") if day else ("[ ]", "")
        print(f"{mark}  {exercise.notebook:<24}{exercise.name:<26}{when}".rstrip())
    print(f"\n{sum(name in days for name in EXERCISES)} of {len(EXERCISES)} solved. Kept in {progress.file()}")


def row(exercise, day):
    """One exercise for the JSON; `when` is the day on which it was solved first, or null."""
    return {"exercise": exercise.name, "lesson": exercise.notebook, "solved": day is not None, "when": day}


if __name__ == "__main__":
    main(sys.argv[1:])
