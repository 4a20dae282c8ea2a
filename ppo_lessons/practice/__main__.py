"""`python -m ppo_lessons.practice`: the exercises of the course, and which of them are solved on this machine."""

from ppo_lessons.practice import EXERCISES, progress


def main():
    days = progress.solved()
    for exercise in EXERCISES.values():
        day = days.get(exercise.name)
        mark, when = ("[x]", f"solved {day}") if day else ("[ ]", "")
        print(f"{mark}  {exercise.notebook:<24}{exercise.name:<26}{when}".rstrip())
    print(f"\n{sum(name in days for name in EXERCISES)} of {len(EXERCISES)} solved. Kept in {progress.file()}")


if __name__ == "__main__":
    main()
