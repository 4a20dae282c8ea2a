"""The copies that a learner writes in: only missing ones are made, and old ones are named."""

import json

import pytest

from ppo_lessons import __version__, lab

CHANGELOG = f"""# Changelog

About.

## {__version__} (today)

- New here.

## 0.1.5

- Between.

## 0.1.0

- Old.
"""


def read(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.ipynb")}


@pytest.fixture
def course(tmp_path):
    for name in ("07_gae", "12_ppo", "extras/bug_lab", ".ipynb_checkpoints/07_gae"):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} as it is now")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def as_copied_by(version, course, name):
    """Make the copy of one notebook one of an earlier version."""
    record = course / "my" / ".copied.json"
    copied = json.loads(record.read_text())
    record.write_text(json.dumps(copied | {name: (version, "another digest")}))
    (course / "my" / name).write_text("an earlier text, and what I wrote")


def test_the_first_time_everything_is_copied_and_nothing_said(course, capsys):
    lab.main(course)
    assert set(read(course / "my")) == {"07_gae.ipynb", "12_ppo.ipynb", "extras/bug_lab.ipynb"}
    assert capsys.readouterr().out == ""


def test_what_the_learner_wrote_is_kept_and_a_missing_copy_comes_back(course, capsys):
    lab.main(course)
    (course / "my" / "07_gae.ipynb").write_text("mine")
    (course / "my" / "scratch.ipynb").write_text("mine too")
    (course / "my" / "12_ppo.ipynb").unlink()
    lab.main(course)
    kept = read(course / "my")
    assert kept["07_gae.ipynb"] == "mine" and kept["scratch.ipynb"] == "mine too"
    assert kept["12_ppo.ipynb"] == "12_ppo as it is now"
    assert capsys.readouterr().out == ""  # the course has not changed


def test_an_old_copy_is_named_with_what_changed_since(course, capsys):
    lab.main(course)
    as_copied_by("0.1.5", course, "07_gae.ipynb")
    lab.main(course)
    said = capsys.readouterr().out
    assert "  07_gae.ipynb, of version 0.1.5\n" in said and "12_ppo" not in said
    assert "- New here." in said and "- Between." not in said
    as_copied_by("0.1.0", course, "12_ppo.ipynb")
    lab.main(course)
    said = capsys.readouterr().out
    assert "- New here." in said and "- Between." in said and "- Old." not in said
    assert read(course / "my")["07_gae.ipynb"] == "an earlier text, and what I wrote"


def test_a_fresh_copy_ends_the_message(course, capsys):
    lab.main(course)
    as_copied_by("0.1.5", course, "07_gae.ipynb")
    (course / "my" / "07_gae.ipynb").rename(course / "my" / "07_gae_mine.ipynb")
    lab.main(course)
    assert capsys.readouterr().out == ""
    assert read(course / "my")["07_gae.ipynb"] == "07_gae as it is now"


def test_copies_from_before_the_record_are_of_the_first_version(course, capsys):
    (course / "my").mkdir()
    (course / "my" / "07_gae.ipynb").write_text("07_gae as it was")
    (course / "my" / "12_full_ppo_run.ipynb").write_text("as it was")
    lab.main(course)
    said = capsys.readouterr().out
    assert "07_gae.ipynb, of version 0.1.0\n" in said
    assert "12_full_ppo_run.ipynb, of version 0.1.0, is now 12_ppo.ipynb\n" in said
    assert set(read(course / "my")) >= {"12_full_ppo_run.ipynb", "12_ppo.ipynb"}


def test_a_notebook_that_left_the_course_is_named(course, capsys):
    lab.main(course)
    (course / "notebooks" / "extras" / "bug_lab.ipynb").unlink()
    lab.main(course)
    assert "extras/bug_lab.ipynb, of version" in capsys.readouterr().out


def test_a_change_without_a_new_version_names_the_copy_alone(course, capsys):
    lab.main(course)
    (course / "notebooks" / "07_gae.ipynb").write_text("corrected")
    lab.main(course)
    said = capsys.readouterr().out
    assert f"07_gae.ipynb, of version {__version__}\n" in said and "- " not in said


def test_another_folder_is_refused_in_words(tmp_path):
    with pytest.raises(SystemExit, match="Start this in the folder of the course"):
        lab.main(tmp_path)


def test_jupyterlab_begins_with_the_contents_and_without_a_question(tmp_path):
    lab.furnish(tmp_path)
    settings, layout = (next((tmp_path / "share/jupyter/lab" / name).iterdir()) for name in ("settings", "workspaces"))
    assert json.loads(settings.read_text()) == lab.SETTINGS
    assert json.loads(layout.read_text())["data"]["layout-restorer:data"]["left"]["current"] == lab.CONTENTS
    layout.write_text("arranged by the learner")
    lab.furnish(tmp_path)
    assert layout.read_text() == "arranged by the learner"
