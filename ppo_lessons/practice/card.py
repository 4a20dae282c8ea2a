"""How the answer of a check looks in a notebook, and how it reads without one."""

import ast
import html
import inspect
import re
import textwrap

import torch

from ppo_lessons.practice.checking import home, is_answer, same_values
from ppo_lessons.practice.rewriting import only_checks

LOOKS = {"open": ("#0072B2", "✎"), "wrong": ("#B85C00", "✗"), "right": ("#007A5A", "✓")}


class Card:
    """A heading, paragraphs, and a table, as HTML and as plain text."""

    state = "wrong"

    def parts(self):
        """Heading, list of paragraphs, rows of the table (each a tuple of strings)."""
        raise NotImplementedError

    def __repr__(self):
        heading, paragraphs, rows = self.parts()
        width = max((len(row[0]) for row in rows), default=0)
        table = ["  ".join((row[0].ljust(width), *row[1:])) for row in rows]
        return "\n".join([f"{LOOKS[self.state][1]} {heading}", *paragraphs, *table])

    def _repr_html_(self):
        heading, paragraphs, rows = self.parts()
        colour, sign = LOOKS[self.state]
        lines = [f"<b>{sign} {html.escape(heading)}</b>", *map(marked, paragraphs)]  # in the page's own colour
        body = "".join(f'<div style="margin:3px 0">{line}</div>' for line in lines)
        cell = '<td style="text-align:left;padding:1px 14px 1px 0;white-space:pre-wrap"><code>{}</code></td>'
        table = "".join(f"<tr>{''.join(cell.format(html.escape(text)) for text in row)}</tr>" for row in rows)
        frame = f"border-left:5px solid {colour};padding:6px 12px;margin:4px 0;max-width:760px;line-height:1.4"
        return f'<div role="status" style="{frame}">{body}<table>{table}</table></div>'


class Answer(Card):
    """What `check` says."""

    def __init__(self, exercise, finding, function, warning):
        self.exercise, self.finding, self.function, self.warning = exercise, finding, function, warning
        self.state = finding.state

    def parts(self):
        name, found = self.exercise.name, self.finding
        if self.state == "open":
            text = [f"Replace the ... and run both cells again. To begin: {found.text}"]
            return f"{name}: not attempted yet", text, []
        if self.state == "right":
            text = [f"Tested on: {'; '.join(found.tested)}.", f"On {found.case.label} your function gives:"]
            rows = [*given(found.case), *named(self.exercise.names, "yours", self.answer(found.got.value))]
            return f"{name}: correct", [*text, *([self.warning] if self.warning else [])], rows
        heading = (
            f"{name}: {found.title}" if found.got.trouble else f"{name}: not right yet. Your function {found.title}."
        )
        text = [found.text] if found.text else []
        if found.got.line:
            text.append(found.got.line)
        if found.look:
            text.append(f"Look again at section “{found.look}” of {self.exercise.notebook}.")
        text.append(f"The smallest input on which it goes wrong, {found.case.label}:")
        return heading, text, [*given(found.case), *self.comparison()]

    def answer(self, value):
        """A result, and True or False where one of them is asked for."""
        return bool(value) if is_answer(value) and self.exercise.yes_or_no else value

    def comparison(self):
        """Rows that set the function beside what was expected."""
        expected, got = self.finding.expected, self.finding.got
        digits = 8 if shown(expected.value) == shown(got.value) and not same_values(got, expected) else 4
        rows = [("expected", shown(self.answer(expected.value), digits))]
        if self.exercise.names:
            rows = list(side_by_side(self.exercise.names, expected.value, got.value))
        elif got.value is not None:
            rows.append(("yours", shown(self.answer(got.value), digits)))
            gradients = expected.gradients if same_values(got, expected) else {}  # those of a wrong value say little
            if gradients:
                rows.append(("the gradients are of", of_what(expected.value)))
            for name, gradient in gradients.items():
                rows.append((f"gradient for {name}", f"expected {shown(gradient)}, yours {shown(got.gradients[name])}"))
        if got.printed:
            rows.append(("it printed", got.printed.rstrip()[:500]))
        return rows


class Unknown(Card):
    """No exercise has this name."""

    state = "open"
    finding = None

    def __init__(self, name, exercises):
        self.name, self.exercises = name, exercises

    def parts(self):
        text = "The exercise is found by the name of your function. The exercises are:"
        return f"there is no exercise {self.name}", [text, ", ".join(self.exercises)], []


class Hints:
    """Three hints and the course's own source, each behind a fold."""

    def __init__(self, exercise):
        self.exercise = exercise

    def __repr__(self):
        return f"Hints for {self.exercise.name}: open them in a notebook."

    def _repr_html_(self):
        fold = "<details style='margin:3px 0'><summary>{}</summary>{}</details>"
        hints = [fold.format(f"Hint {i}", marked(text)) for i, text in enumerate(self.exercise.hints, start=1)]
        file = f"{self.exercise.function.__module__.replace('.', '/')}.py"
        up = "../" * (1 + self.exercise.notebook.count("/"))  # the notebook's folder lies so deep below the course's
        link = f'<a href="{up}{file}"><code>{file}</code></a>'
        words = f"The course's own function, from {link}, without the checks of its inputs. It can be pasted above:"
        return "".join(hints) + fold.format("Solution", f"{words}<pre>{html.escape(solution(self.exercise))}</pre>")


def solution(exercise):
    """The course's own function under the exercise's name, with what it imports, without docstring and input checks."""
    function = exercise.function
    text = textwrap.dedent(inspect.getsource(function))
    definition, lines = ast.parse(text).body[0], text.splitlines()
    for node in reversed(definition.body):
        if only_checks(node):
            del lines[node.lineno - 1 : node.end_lineno]
    rest = "\n".join(lines).replace(f"def {function.__name__}(", f"def {exercise.name}(", 1)
    rest = re.sub(r"return ClipTerms\((.+?), rho, .*", r"return \1", rest)  # the exercise asks for the objective alone
    names = {node.id for node in ast.walk(ast.parse(rest)) if isinstance(node, ast.Name)}
    imports = {}
    for name in sorted(names & set(function.__globals__)):
        where, _, what = home(name).rpartition("import ")
        imports.setdefault(where, []).append(what)
    above = [f"{where}import {', '.join(imports[where])}" for where in sorted(imports)]
    return "\n".join([*above, "", "", rest] if above else [rest])


def marked(text):
    """A sentence as HTML, with `code` set as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def of_what(value):
    """What the gradients of a card are gradients of: a sum of all numbers of the result, each with its own weight."""
    if value.dim() == 0:
        return "the result"
    first = " + ".join(f"{i}·y{i}" for i in range(1, min(value.numel(), 3) + 1))
    return f"{first}{' + …' if value.numel() > 3 else ''}, where y is the result, row by row"


def given(case):
    """Rows that list the inputs of a case."""
    return [(name, shown(value)) for name, value in {**case.inputs, **case.numbers}.items()]


def named(names, whose, value):
    """Rows for a result: one, or one for each of the names."""
    if not names:
        return [(whose, shown(value))]
    return [(name, shown(x)) for name, x in zip(names, value.tolist(), strict=True)]


def side_by_side(names, expected, got):
    """Rows for numbers with names; those that differ are marked, for they betray the mistake."""
    found = [None] * len(names) if got is None else got.tolist()
    for name, right, mine in zip(names, expected.tolist(), found, strict=True):
        mark = "" if mine is None or abs(mine - right) <= 1e-5 * abs(right) + 1e-6 else "  ←"
        yield name, f"expected {shown(right)}, yours {shown(mine)}{mark}"


def shown(value, digits=4):
    """Numbers with so many digits, columns of a batch side by side."""
    if value is None:
        return "none"
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if isinstance(value, list):
        return f"[{', '.join(shown(x, digits) for x in value)}]"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
