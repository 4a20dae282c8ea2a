// A panel with axes as SVG text, drawn anew at each move. Colours are classes of live.css, so that they follow the theme.
"use strict";

const plot = {
  WIDTH: 380,
  HEIGHT: 300,

  // Options: title (lines), x and y ([low, high]), logX, xTicks and yTicks ([value, text]), xLabel, yLabel, grid
  panel({ title, x, y, logX = false, xTicks, yTicks, xLabel = "", yLabel = "", grid = false }) {
    const box = { left: yLabel ? 58 : 42, right: plot.WIDTH - 12, top: 52, bottom: plot.HEIGHT - (xLabel ? 50 : 32) };
    const scale = logX ? Math.log : (value) => value;
    const across = (value) =>
      box.left + ((scale(value) - scale(x[0])) / (scale(x[1]) - scale(x[0]))) * (box.right - box.left);
    const down = (value) => box.bottom - ((value - y[0]) / (y[1] - y[0])) * (box.bottom - box.top);
    const round = (number) => Math.round(100 * number) / 100;
    const parts = [];
    const add = (part) => parts.push(part);
    const self = {
      box,
      across,
      down,
      text: (px, py, words, kind = "", anchor = "middle") =>
        add(`<text class="${kind}" x="${round(px)}" y="${round(py)}" text-anchor="${anchor}">${words}</text>`),
      label: (vx, vy, words, kind = "", anchor = "middle", shift = 0) =>
        self.text(across(vx), down(vy) + shift, words, kind, anchor),
      line: (points, kind) => {
        const inside = points.map(([vx, vy]) => `${round(across(vx))},${round(Math.max(-50, Math.min(400, down(vy))))}`);
        add(`<polyline class="${kind}" clip-path="inset(0)" points="${inside.join(" ")}"/>`);
      },
      bar: (vx, vy, width, kind, from = 0) => {
        const [low, high] = [down(Math.min(vy, from)), down(Math.max(vy, from))];
        const wide = (width / (x[1] - x[0])) * (box.right - box.left);
        add(
          `<rect class="${kind}" x="${round(across(vx) - wide / 2)}" y="${round(high)}" width="${round(wide)}" ` +
            `height="${round(Math.max(0, low - high))}"/>`,
        );
      },
      band: (from, to, kind) =>
        add(
          `<rect class="${kind}" x="${round(across(from))}" y="${box.top}" width="${round(across(to) - across(from))}" ` +
            `height="${box.bottom - box.top}"/>`,
        ),
      across_line: (vy, kind) => self.line([[x[0], vy], [x[1], vy]], kind),
      up_line: (vx, kind) => self.line([[vx, y[0]], [vx, y[1]]], kind),
      dot: (vx, vy, kind, size = 6) =>
        add(`<circle class="${kind}" cx="${round(across(vx))}" cy="${round(down(vy))}" r="${size}"/>`),
      diamond: (vx, vy, kind, size = 6) => {
        const [cx, cy] = [round(across(vx)), round(down(vy))];
        add(`<path class="${kind}" d="M${cx - size} ${cy}l${size} -${size}l${size} ${size}l-${size} ${size}z"/>`);
      },
      arrow: (vx, vy, towards, kind) => {
        const [from, to, height] = [across(vx), across(towards), round(down(vy))];
        const tip = 8 * Math.sign(to - from);
        add(`<path class="${kind}" d="M${round(from)} ${height}H${round(to)}m${-tip} -5l${tip} 5l${-tip} 5"/>`);
      },
      svg: () => {
        const lines = [title].flat();
        const head = lines.map((words, n) => {
          const py = 42 - 18 * (lines.length - 1 - n);
          return `<text class="title" x="${plot.WIDTH / 2}" y="${py}" text-anchor="middle">${words}</text>`;
        });
        const frame = [`<path class="axis" d="M${box.left} ${box.top}V${box.bottom}H${box.right}"/>`];
        for (const [value, words] of xTicks) {
          const px = round(across(value));
          if (grid) frame.push(`<path class="grid" d="M${px} ${box.top}V${box.bottom}"/>`);
          frame.push(`<text class="tick" x="${px}" y="${box.bottom + 17}" text-anchor="middle">${words}</text>`);
        }
        for (const [value, words] of yTicks) {
          const py = round(down(value));
          if (grid) frame.push(`<path class="grid" d="M${box.left} ${py}H${box.right}"/>`);
          frame.push(`<text class="tick" x="${box.left - 6}" y="${py + 4}" text-anchor="end">${words}</text>`);
        }
        const middle = (box.top + box.bottom) / 2;
        const labels =
          `<text class="name" x="${(box.left + box.right) / 2}" y="${box.bottom + 38}" text-anchor="middle">${xLabel}` +
          `</text><text class="name" transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${yLabel}</text>`;
        return (
          `<svg class="panel" viewBox="0 0 ${plot.WIDTH} ${plot.HEIGHT}" aria-hidden="true">` +
          `${head.join("")}${frame.join("")}${parts.join("")}${labels}</svg>`
        );
      },
    };
    return self;
  },

  // Names of curves: [class, words] each; `dot` in the class shows a mark and not a line
  legend(entries) {
    const samples = entries.map(([kind, words]) => {
      const mark = kind.includes("mark")
        ? `<rect class="${kind}" x="6" y="1" width="12" height="12"/>`
        : `<path class="${kind}" d="M0 7H24"/>`;
      return `<span><svg viewBox="0 0 24 14" aria-hidden="true">${mark}</svg> ${words}</span>`;
    });
    return `<span class="legend">${samples.join("")}</span>`;
  },

  ticks: (values, digits = 0) => values.map((value) => [value, value.toFixed(digits).replace("-", "−")]),
};
