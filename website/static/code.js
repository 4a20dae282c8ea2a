// One switch for all code of a page. Cells whose code would tell an answer stay folded; each opens by a click of its own.
"use strict";

const folds = document.querySelectorAll("article .cell:not(.tag_spoils) details.above-input");
const place = document.querySelector(".way-in");
if (folds.length && place) {
  const button = document.createElement("button");
  button.type = "button";
  const say = (open) => {
    button.textContent = open ? "Fold all code" : "Show all code";
    button.setAttribute("aria-pressed", open);
  };
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") === "false";
    for (const fold of folds) fold.open = open;
    say(open);
  });
  say(false);
  place.append(button);
}
