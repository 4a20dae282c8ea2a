"""What the README opens with: a slider dragged, a run while it learns, the agent before and after, as one film."""

import numpy as np
from matplotlib.patches import Circle, Polygon
from PIL import Image

from ppo_lessons.figures import clip, ppo
from ppo_lessons.figures.style import GRID, OLD_POLICY, POLICY, TOTAL, Canvas, Picture
from ppo_lessons.ppo import Config, play, train

GAME = "CartPole-v1"
PAGE, SIZE = (880, 440), (1320, 660)  # of the film: pixels of the page, as in `Picture`, and pixels of the image
LINE = (PAGE[0], 40)  # the words above a scene, the slider below
FROM, TO = 260, 560  # where the slider begins and ends; it goes from ρ = 0 to 2
LOW, HIGH, STEP = 0.4, 1.65, 0.05  # of the drag: all are stops of lesson 10's slider
QUICK, SLOW, LONG = 90, 180, 1500  # milliseconds for which a frame stands
EVERY = 8  # steps of the game from one frame to the next


def build_words(figure):
    figure.set_layout_engine("none")
    bold = figure.text(0.02, 0.5, "", weight="bold", size=13, va="center", color=POLICY["color"])
    return {"bold": bold, "plain": figure.text(0.2, 0.5, "", size=12, va="center")}


def update_words(artists, *, bold, plain):
    artists["bold"].set_text(bold)
    artists["plain"].set_text(plain)
    return f"{bold}: {plain}."


words = Picture(build_words, update_words, size=LINE)


def build_slider(figure):
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, LINE[0]), ylim=(LINE[1], 0))
    axes.axis("off")
    axes.plot([FROM, TO], [18, 18], color=GRID, linewidth=5, solid_capstyle="round")
    axes.text(FROM - 18, 19, "ratio ρ", ha="right", va="center", size=12)
    handle = axes.add_patch(Circle((0, 18), 8, facecolor="white", edgecolor=POLICY["color"], linewidth=2.2, zorder=3))
    tip = np.array([(0, 0), (0, 17), (4, 13.4), (6.6, 19.4), (9.2, 18.2), (6.6, 12.4), (11.6, 12)])
    mouse = axes.add_patch(Polygon(tip, facecolor=TOTAL["color"], edgecolor="white", linewidth=0.8, zorder=4))
    return {"handle": handle, "mouse": mouse, "tip": tip, "value": axes.text(TO + 18, 19, "", va="center", size=12)}


def update_slider(artists, *, ratio):
    place = FROM + (TO - FROM) * ratio / 2
    artists["handle"].set_center((place, 18))
    artists["mouse"].set_xy(artists["tip"] + (place, 20))
    artists["value"].set_text(f"{ratio:.2f}")
    return f"The slider stands at {ratio:.2f}."


slider = Picture(build_slider, update_slider, size=LINE)


def build_agents(figure):
    shown = {}
    for axes, name, color in zip(figure.subplots(1, 2), ("before", "after"), (OLD_POLICY, POLICY), strict=True):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=color["color"], linewidth=1.5)
        shown[name] = axes.imshow(np.full((300, 600, 3), 255, np.uint8))
        axes.set_title(name, size=12)
    return shown


def update_agents(artists, **moments):
    """Show for "before" and for "after" a picture of the game, and say which step it is, and whether the last."""
    for name, (image, step, end) in moments.items():
        artists[name].set_data(image[60:360])  # without the sky, where nothing is
        artists[name].axes.set_title(f"{name} learning: step {step}{end}", size=12)
    return "Two games side by side: " + ", ".join(f"{name} step {step}" for name, (_, step, _) in moments.items()) + "."


agents = Picture(build_agents, update_agents, size=(PAGE[0], 390))


def pixels(canvas):
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.canvas.buffer_rgba())).convert("RGB")


def frame(*canvases):
    """One frame of the film: these canvases one below the other, on white."""
    images = [pixels(canvas) for canvas in canvases]
    sharp = images[0].width / PAGE[0]
    page = Image.new("RGB", [round(sharp * side) for side in PAGE], "white")
    top = 0
    for image in images:
        page.paste(image, ((page.width - image.width) // 2, top))
        top += image.height
    return page.resize(SIZE, Image.Resampling.LANCZOS)


def stops():
    """Where the slider goes: from 1 to its highest place, then down to its lowest."""
    way = [*np.arange(1, HIGH, STEP), *np.arange(HIGH, LOW, -STEP), LOW]
    return [round(float(ratio), 2) for ratio in way]


def dragged():
    """Lesson 10: the ratio of one sample goes above the band, then below it. (frame, milliseconds) each."""
    line = Canvas(words, bold="Move a slider", plain="lesson 10: above the band the gradient is 0, below it is not")
    picture, below = Canvas(clip.objective, epsilon=0.2, advantage=1.0, ratio=1.0), Canvas(slider, ratio=1.0)
    for ratio in stops():
        picture.move(epsilon=0.2, advantage=1.0, ratio=ratio)
        below.move(ratio=ratio)
        yield frame(line, picture, below), LONG if ratio in (LOW, HIGH) else QUICK


def learning(records, config):
    """Lesson 12: the curves of a run, with one update more in each frame. (frame, milliseconds) each."""
    line = Canvas(words, bold="Watch it learn", plain="lesson 12: PPO on CartPole, one update after the other")
    picture = Canvas(ppo.curves, records=[], config=config)
    for known in range(3, len(records) + 1):  # a line has two points
        picture.move(records=records[:known], config=config)
        yield frame(line, picture), LONG if known == len(records) else SLOW


def played(before, after):
    """The agent at twice the game's speed; a run that ends early is played anew. (frame, milliseconds) each."""
    line = Canvas(words, bold="See the agent", plain="lesson 12: the same network, before and after this run")
    picture = Canvas(agents)
    last = len(after) - 1
    for step in [*range(0, last, EVERY), last]:
        early = min(step % (len(before) + ppo.PAUSE), len(before) - 1)
        ends = [" (fell)" if early == len(before) - 1 else "", " (the end)" if step == last else ""]
        picture.move(before=(before[early], early, ends[0]), after=(after[step], step, ends[1]))
        yield frame(line, picture), LONG if step == last else 10 * EVERY


def scenes():
    """Every frame of the film with its milliseconds. The run takes a few seconds."""
    config, records = Config(seed=0, device="cpu"), []
    for record in train(config):
        if not records:
            before = play(record.policy, GAME, seed=1)
        records.append(record)
    yield from dragged()
    yield from learning(records, config)
    yield from played(before, play(records[-1].policy, GAME, seed=1))


def write(file):
    """Write the film as a GIF with one palette, so that only what moves is stored again; the same each time."""
    frames, times = zip(*scenes(), strict=True)
    few = Image.fromarray(np.concatenate([np.asarray(image) for image in frames[:: len(frames) // 8]]))
    palette = few.quantize(64, Image.Quantize.MAXCOVERAGE, kmeans=1)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames]
    first.save(file, "gif", save_all=True, append_images=others, duration=list(times), loop=0)
