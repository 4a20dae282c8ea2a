// The course's closed formulas, as the package has them. A test compares each with Python's.
"use strict";

const formulas = {
  softmax(logits, temperature = 1) {
    const highest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp((logit - highest) / temperature));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  },

  logSoftmax(logits) {
    const highest = Math.max(...logits);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
    return logits.map((logit) => logit - highest - Math.log(sum));
  },

  // H = -Σ π log π, in nats
  entropy(logits) {
    return -formulas.logSoftmax(logits).reduce((sum, logp) => sum + Math.exp(logp) * logp, 0);
  },

  // KL(p‖q) = Σ p (log p - log q), in nats
  kl(logitsP, logitsQ) {
    const q = formulas.logSoftmax(logitsQ);
    return formulas.logSoftmax(logitsP).reduce((sum, logp, a) => sum + Math.exp(logp) * (logp - q[a]), 0);
  },

  // ∇ log π(action) with respect to the logits: one-hot - π
  oneHotMinusPi(action, pi) {
    return pi.map((probability, a) => (a === action ? 1 : 0) - probability);
  },

  // The weights of GAE on A^(1) .. A^(n): (1 - λ) λ^(k-1), and what is left on the last
  gaeWeights(lam, n) {
    return Array.from({ length: n }, (_, k) => (k === n - 1 ? 1 : 1 - lam) * lam ** k);
  },

  // One sample of the clipped objective: both terms, the smaller one, and its slope in ρ
  clip(ratio, advantage, epsilon) {
    const plain = ratio * advantage;
    const held = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilon) * advantage;
    const silent = held < plain; // the clipped term is the smaller one, and it is flat
    return { plain, held, objective: Math.min(plain, held), gradient: silent ? 0 : advantage };
  },

  // Row of the six cases (below, inside, above; A > 0 first), or null where A = 0
  clipCase(ratio, advantage, epsilon) {
    if (advantage === 0) return null;
    return (ratio < 1 - epsilon ? 0 : ratio > 1 + epsilon ? 2 : 1) + (advantage > 0 ? 0 : 3);
  },

  // x M y for a table M and lists x, y
  form(x, matrix, y) {
    return x.reduce((sum, xi, i) => sum + xi * y.reduce((row, yj, j) => row + matrix[i][j] * yj, 0), 0);
  },
};

// Numbers as Python writes them: f"{x:.2f}" (ties to even, no -0.00) and f"{x:g}"
const written = {
  fixed(number, digits) {
    let text = number.toFixed(digits);
    const scaled = number * 10 ** digits;
    if (Math.abs(scaled) < 2 ** 40 && Math.abs(scaled % 1) === 0.5 && Number.isInteger(number * 2 ** 20)) {
      text = ((2 * Math.round(scaled / 2)) / 10 ** digits).toFixed(digits);
    }
    return Number(text) === 0 ? text.replace("-", "") : text;
  },

  signed(number, digits) {
    const text = written.fixed(number, digits);
    return text.startsWith("-") ? text : `+${text}`;
  },

  general(number) {
    return String(Number(number.toPrecision(6)));
  },
};
