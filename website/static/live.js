// The pictures that the page computes. Each takes the values of its controls (and the tables that Python wrote) and
// returns its panels, the names of its curves, and the sentence below it, word by word that of the notebook.
"use strict";

const { fixed, signed, general } = written;
const ACTIONS = ["left", "up", "right"];
const range = (low, high, count) => Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));
const highest = (values) => values.indexOf(Math.max(...values));
const ofActions = ACTIONS.map((action, a) => [a, action]);

const pictures = {
  "policy_gradient.softmax"({ temperature, logit_of_up, logit_of_right, sample }, { uniforms }) {
    const logits = [0, logit_of_up, logit_of_right];
    const pi = formulas.softmax(logits, temperature);
    const shares = drawnShares(pi, uniforms[sample]);
    const bars = plot.panel({
      title: `logits 0, ${general(logit_of_up)}, ${general(logit_of_right)} at T = ${fixed(temperature, 1)}`,
      x: [-0.6, 2.6], y: [0, 1.12], xTicks: ofActions, yTicks: plot.ticks([0, 0.5, 1], 1), yLabel: "π(a)",
    });
    pi.forEach((p, a) => {
      bars.bar(a, p, 0.6, "policy mark");
      bars.diamond(a, shares[a], "return mark");
      bars.label(a, Math.max(p, shares[a]), fixed(p, 2), "", "middle", -9);
    });
    const curves = plot.panel({
      title: `entropy ${fixed(formulas.entropy(logits.map((z) => z / temperature)), 2)}, at most 1.10 nats`,
      x: [0.1, 10], y: [0, 1.12], logX: true, xTicks: [[0.1, "0.1"], [1, "1"], [10, "10"]],
      yTicks: plot.ticks([0, 0.5, 1], 1), xLabel: "temperature T (logarithmic)", yLabel: "π(a)", grid: true,
    });
    curves.across_line(1 / 3, "quiet thin");
    const temperatures = range(-1, 1, 81).map((power) => 10 ** power);
    const byTemperature = temperatures.map((T) => formulas.softmax(logits, T));
    ["solid", "dashed", "dotted"].forEach((style, a) =>
      curves.line(temperatures.map((T, k) => [T, byTemperature[k][a]]), `policy ${style}`),
    );
    curves.up_line(temperature, "total thin");
    const most = highest(pi);
    return {
      panels: [bars, curves],
      legend: [
        ["policy mark", "probability"], ["return mark", "share of 100 draws"],
        ["policy solid", "left"], ["policy dashed", "up"], ["policy dotted", "right"],
      ],
      text:
        `At temperature ${fixed(temperature, 1)} the logits 0, ${general(logit_of_up)} and ` +
        `${general(logit_of_right)} give ${ACTIONS[most]} the probability ${fixed(pi[most], 2)}; in ` +
        `${uniforms[sample].length} draws it came with ${fixed(shares[most], 2)}.`,
    };
  },

  "policy_gradient.one_hot"({ action, chance_of_right, step }) {
    const rest = 1 - chance_of_right;
    const before = [rest / 3, (2 * rest) / 3, chance_of_right];
    const place = ACTIONS.indexOf(action);
    const gradient = formulas.oneHotMinusPi(place, before);
    const after = formulas.softmax(before.map((p, a) => Math.log(p) + step * gradient[a]));
    const [was, is] = [fixed(before[place], 2), fixed(after[place], 2)];
    const push = plot.panel({
      title: `${action}: 1 − ${was}; the others: 0 − π`, x: [-0.6, 2.6], y: [-1.2, 1.2], xTicks: ofActions,
      yTicks: plot.ticks([-1, -0.5, 0, 0.5, 1], 1), xLabel: "logit of", yLabel: "gradient of log π(a)",
    });
    push.across_line(0, "quiet thin");
    gradient.forEach((g, a) => {
      push.bar(a, g, 0.6, "value mark");
      push.label(a, g, signed(g, 2), "", "middle", g >= 0 ? -6 : 16);
    });
    const change = plot.panel({
      title: `step ${fixed(step, 2)}: π(${action}) goes ${was} → ${is}`, x: [-0.6, 2.6], y: [0, 1.05],
      xTicks: ofActions, yTicks: plot.ticks([0, 0.5, 1], 1), xLabel: "probability of", yLabel: "π",
    });
    before.forEach((p, a) => {
      change.bar(a - 0.2, p, 0.36, "old mark");
      change.bar(a + 0.2, after[a], 0.36, "policy mark");
    });
    const down = ACTIONS[gradient.indexOf(Math.min(...gradient))];
    return {
      panels: [push, change],
      legend: [["old mark", "before"], ["policy mark", "after"]],
      text:
        `With π(right) = ${fixed(chance_of_right, 2)} a step of ${fixed(step, 2)} for ${action} raises its own logit ` +
        `and lowers that of ${down} most; the gradient has the length ${fixed(Math.hypot(...gradient), 2)}.`,
    };
  },

  "gae.tradeoff"({ lam, gamma, critic_error }, { plays, moments }) {
    const table = moments.find((entry) => Math.abs(entry.gamma - gamma) < 1e-6);
    const errorsAt = (value) => gaeErrors(table, plays, critic_error, value);
    const lambdas = range(0, 1, 101);
    const curve = lambdas.map(errorsAt);
    const totals = curve.map(({ bias, variance }) => bias + variance);
    const lowest = totals.indexOf(Math.min(...totals));
    const now = errorsAt(lam);
    const mixture = plot.panel({
      title: `λ = ${fixed(lam, 2)} mixes the n-step advantages`, x: [0.4, 6.6], y: [0, 1.12],
      xTicks: plot.ticks([1, 2, 3, 4, 5, 6]), yTicks: plot.ticks([0, 0.5, 1], 1),
      xLabel: "n, number of real rewards used", yLabel: "weight on A⁽ⁿ⁾",
    });
    formulas.gaeWeights(lam, 6).forEach((weight, k) => {
      mixture.bar(k + 1, weight, 0.7, "advantage mark");
      mixture.label(k + 1, weight, fixed(weight, 2), "", "middle", -6);
    });
    const cost = plot.panel({
      title: [
        `λ = ${fixed(lambdas[lowest], 2)} has the least error`,
        `here: ${fixed(now.bias, 3)} bias² + ${fixed(now.variance, 3)} variance ≈ ${fixed(now.bias + now.variance, 3)}`,
      ],
      x: [-0.02, 1.02], y: [0, 0.28], xTicks: plot.ticks([0, 0.5, 1], 1), yTicks: plot.ticks([0, 0.1, 0.2], 1),
      xLabel: "λ", yLabel: `error of the gradient, ${plays} plays`, grid: true,
    });
    cost.line(lambdas.map((l, k) => [l, curve[k].bias]), "bias dashed");
    cost.line(lambdas.map((l, k) => [l, curve[k].variance]), "variance dotted");
    cost.line(lambdas.map((l, k) => [l, totals[k]]), "total solid");
    cost.up_line(lam, "advantage thin");
    cost.diamond(lambdas[lowest], totals[lowest], "total mark");
    cost.dot(lam, now.bias + now.variance, "advantage mark");
    return {
      panels: [mixture, cost],
      legend: [
        ["bias dashed", "bias²"], ["variance dotted", `variance / ${plays}`],
        ["total solid", "sum: mean squared error"], ["total mark", "lowest point"],
      ],
      text:
        `With λ = ${fixed(lam, 2)}, γ = ${fixed(gamma, 2)} and a critic error of ${fixed(critic_error, 2)}, squared ` +
        `bias is ${fixed(now.bias, 4)} and variance over ${plays} plays is ${fixed(now.variance, 4)}; ` +
        `the sum is least at λ = ${fixed(lambdas[lowest], 2)}.`,
    };
  },

  "kl_penalty.step"({ sure, length }) {
    const old = [0, 0, sure];
    const moved = (by) => [by, 0, sure];
    const pi = formulas.softmax(old);
    const there = formulas.kl(old, moved(length));
    const back = formulas.kl(moved(length), old);
    const bars = plot.panel({
      title: `old: right is ${fixed(100 * pi[2], 1)}% sure`, x: [-0.6, 2.6], y: [0, 1.1], xTicks: ofActions,
      yTicks: plot.ticks([0, 0.5, 1], 1), yLabel: "probability",
    });
    const after = formulas.softmax(moved(length));
    pi.forEach((p, a) => {
      bars.bar(a - 0.2, p, 0.36, "old mark");
      bars.bar(a + 0.2, after[a], 0.36, "policy mark");
    });
    const curves = plot.panel({
      title: [
        `${fixed(length, 1)} in θ moves behaviour by ${fixed(there, 4)} nats`,
        `(KL(new‖old) says ${fixed(back, 4)})`,
      ],
      x: [-0.05, 4.05], y: [-0.06, 2.6], xTicks: plot.ticks([0, 1, 2, 3, 4]), yTicks: plot.ticks([0, 1, 2]),
      xLabel: "length of the step in θ", yLabel: "KL divergence, nats", grid: true,
    });
    const lengths = range(0, 4, 81);
    curves.line(lengths.map((l) => [l, formulas.kl(old, moved(l))]), "penalty dashed");
    curves.line(lengths.map((l) => [l, formulas.kl(moved(l), old)]), "advantage solid");
    curves.line(lengths.map((l) => [l, (l * l * pi[0] * (1 - pi[0])) / 2]), "variance dotted");
    curves.dot(length, there, "penalty mark");
    return {
      panels: [bars, curves],
      legend: [
        ["old mark", "old"], ["policy mark", "new"], ["penalty dashed", "KL(old‖new)"],
        ["advantage solid", "KL(new‖old)"], ["variance dotted", "second order"],
      ],
      text:
        `From logits 0, 0, ${general(sure)} a step of ${fixed(length, 1)} in the logit of left moves behaviour by ` +
        `${fixed(there, 4)} nats; in the other direction KL says ${fixed(back, 4)}.`,
    };
  },

  "clip.objective"({ epsilon, advantage, ratio }) {
    const { objective, gradient } = formulas.clip(ratio, advantage, epsilon);
    const now = formulas.clipCase(ratio, advantage, epsilon);
    const given = number(advantage);
    const slope = number(gradient);
    const push = gradient > 0 ? "pushes ρ up" : gradient < 0 ? "pushes ρ down" : "moves nothing";
    const curve = plot.panel({
      title: [`A = ${given}, ρ = ${fixed(ratio, 2)}: objective ${fixed(objective, 2)}`, `gradient ${slope} ${push}`],
      x: [0, 2], y: [-2.15, 2.15], xTicks: plot.ticks([0, 0.5, 1, 1.5, 2], 1), yTicks: plot.ticks([-2, -1, 0, 1, 2]),
      xLabel: 'ratio ρ = π / π<tspan class="tick" dy="3">old</tspan>', yLabel: "objective of one sample", grid: true,
    });
    curve.band(1 - epsilon, 1 + epsilon, "shade");
    const terms = range(0, 2, 201).map((rho) => [rho, formulas.clip(rho, advantage, epsilon)]);
    curve.line(terms.map(([rho, term]) => [rho, term.objective]), "total solid thick");
    curve.line(terms.map(([rho, term]) => [rho, term.plain]), "old dashed");
    curve.line(terms.map(([rho, term]) => [rho, term.held]), "clipped dotted");
    if (gradient) curve.arrow(ratio, objective, ratio + 0.2 * gradient, "policy solid");
    curve.dot(ratio, objective, "policy mark", 7);
    const place = Math.abs(ratio - 1) <= epsilon ? "inside" : ratio > 1 ? "above" : "below";
    return {
      panels: [curve],
      beside: sixCases(now, epsilon),
      legend: [["old dashed", "plain: ρA"], ["clipped dotted", "clipped: clip(ρ) A"], ["total solid thick", "the smaller: objective"]],
      text:
        `ρ = ${fixed(ratio, 2)} lies ${place} the band (ε = ${fixed(epsilon, 2)}) and A = ${given}: the objective is ` +
        `${fixed(objective, 2)}; its gradient, ${slope}, ${push}.`,
    };
  },

  "entropy.temperature"({ up, right, temperature }) {
    const logits = [0, up, right];
    const pi = formulas.softmax(logits, temperature);
    const entropyAt = (T) => formulas.entropy(logits.map((z) => z / T));
    const now = entropyAt(temperature);
    const bars = plot.panel({
      title: `logits 0, ${general(up)}, ${general(right)} at T = ${fixed(temperature, 1)}`, x: [-0.6, 2.6], y: [0, 1.12],
      xTicks: ofActions, yTicks: plot.ticks([0, 0.5, 1], 1), yLabel: "probability π(a)",
    });
    pi.forEach((p, a) => {
      bars.bar(a, p, 0.6, "policy mark");
      bars.label(a, p, fixed(p, 3), "", "middle", -6);
    });
    const curve = plot.panel({
      title: [`H = ${fixed(now, 3)} nats: as undecided as`, `${fixed(Math.exp(now), 2)} equal actions`],
      x: [0.1, 10], y: [-0.03, 1.25], logX: true, xTicks: [[0.1, "0.1"], [1, "1"], [10, "10"]],
      yTicks: plot.ticks([0, 0.5, 1], 1), xLabel: "temperature T", yLabel: "entropy H, nats", grid: true,
    });
    curve.across_line(Math.log(3), "old dashed");
    curve.label(0.11, Math.log(3), "log 3 = 1.099: all three equally likely", "small", "start", -6);
    curve.line(range(-1, 1, 81).map((power) => [10 ** power, entropyAt(10 ** power)]), "advantage solid");
    curve.dot(temperature, now, "advantage mark");
    return {
      panels: [bars, curve],
      legend: [],
      text:
        `Logits 0, ${general(up)} and ${general(right)} at temperature ${fixed(temperature, 1)}: ` +
        `${ACTIONS[highest(pi)]} has the probability ${fixed(Math.max(...pi), 3)}, and the entropy is ` +
        `${fixed(now, 3)} nats.`,
    };
  },
};

// Squared bias and variance of the gradient with GAE's weights, from the table of `moments` in live.py
function gaeErrors(table, plays, criticError, lam) {
  const weights = formulas.gaeWeights(lam, 6);
  const mix = [...weights, ...weights.map((weight) => criticError * weight)];
  const linear = mix.reduce((sum, m, i) => sum + m * table.c[i], 0);
  const bias = formulas.form(mix, table.G, mix) - 2 * linear + table.k;
  return { bias, variance: formulas.form(mix, table.C, mix) / plays };
}

function number(value) {
  return value ? signed(value, 1) : "0";
}

// How often each action comes when these numbers from 0 to 1 decide
function drawnShares(pi, uniforms) {
  const counts = pi.map(() => 0);
  for (const uniform of uniforms) {
    let sum = 0;
    const found = pi.findIndex((p) => uniform <= (sum += p));
    counts[found < 0 ? pi.length - 1 : found] += 1;
  }
  return counts.map((count) => count / uniforms.length);
}

// The table of lesson 10: only the row that the sample is in is filled
function sixCases(now, epsilon) {
  const rows = ["below", "inside", "above", "below", "inside", "above"].map((place, row) => {
    const advantage = row < 3 ? 1 : -1;
    const ratio = { below: (1 - epsilon) / 2, inside: 1, above: 1.5 + epsilon }[place];
    const { plain, held, gradient } = formulas.clip(ratio, advantage, epsilon);
    const smaller = plain === held ? "both equal" : plain < held ? "plain ρA" : "clipped";
    const told = row === now ? [smaller, gradient ? "A" : "0"] : ["?", "?"];
    const cells = [`${place} band`, advantage > 0 ? "+" : "−", ...told].map((words) => `<td>${words}</td>`);
    return `<tr${row === now ? ' class="now"' : ""}>${cells.join("")}</tr>`;
  });
  const head = ["ρ", "A", "smaller term", "gradient"].map((words) => `<th scope="col">${words}</th>`).join("");
  return `<table class="cases"><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

for (const box of document.querySelectorAll(".live")) {
  const draw = pictures[box.dataset.picture];
  const tables = JSON.parse(box.querySelector("script").textContent);
  const controls = [...box.querySelectorAll("input, select")];
  const [card, words] = [box.querySelector(".card"), box.querySelector("p")];
  const move = () => {
    const values = {};
    for (const control of controls) {
      const slider = control.type === "range";
      values[control.name] = slider ? Number(control.value) : control.value;
      if (slider) {
        control.setAttribute("aria-valuetext", control.value);
        control.nextElementSibling.textContent = control.value;
      }
    }
    const { panels, beside = "", legend, text } = draw(values, tables);
    card.innerHTML = panels.map((panel) => panel.svg()).join("") + beside + plot.legend(legend);
    card.setAttribute("aria-label", text);
    words.textContent = text;
  };
  controls.forEach((control) => control.addEventListener("input", move));
  move();
}
