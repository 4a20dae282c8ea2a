// The game of lesson 00: buttons and arrow keys, the board, and the trajectory that writes itself.
"use strict";

for (const box of document.querySelectorAll(".game")) {
  const world = JSON.parse(box.querySelector("script").textContent);
  const [status, board, list, result] = [".status", ".board", ".trajectory", ".result"].map((c) => box.querySelector(c));
  const buttons = [...box.querySelectorAll("[data-action]")];
  const again = box.querySelector(".again");
  const hint = "Press a button, or click here and use the arrow keys. Each press is one step.";
  const signed = (reward) => (reward > 0 ? "+" : reward < 0 ? "−" : "") + Math.abs(reward);
  let play;

  const show = () => {
    const situation = world.situations[play.situation];
    status.textContent =
      `It is ${situation}. Step ${play.steps.length} of ${world.steps}, return so far ${signed(play.total)}.`;
    board.dataset.situation = situation;
    board.dataset.at = play.cell === world.start ? "start" : "away";
    board.setAttribute("aria-label", `The agent stands in cell ${play.cell}: ${situation}.`);
    board.querySelector(".agent").style.transform = `translate(${100 * play.cell}px, 0)`;
    list.replaceChildren(
      ...play.steps.map((step, t) => {
        const line = document.createElement("li");
        const state = `(${world.situations[step.situation]}, cell ${step.cell})`;
        line.innerHTML = `s<sub>${t}</sub> = ${state}, a<sub>${t}</sub> = ${world.actions[step.action]}, ` +
          `r<sub>${t}</sub> = ${signed(step.reward)}`;
        return line;
      }),
    );
    if (!play.steps.length) list.append(Object.assign(document.createElement("li"), { textContent: hint }));
    const added = play.steps.map((step) => signed(step.reward)).join(" ");
    result.textContent = play.over ? `The play is over. Return R(τ) = ${added} = ${signed(play.total)}` : "";
    for (const button of buttons) button.disabled = play.over;
  };
  const begin = () => {
    play = corridor.begin(world, Math.floor(2 * Math.random()));
    show();
  };
  const act = (action) => {
    if (play.over) return;
    play = corridor.step(world, play, action, Math.random());
    show();
    if (play.over) again.focus();
  };

  buttons.forEach((button, action) => button.addEventListener("click", () => act(action)));
  again.addEventListener("click", () => {
    begin();
    box.focus({ preventScroll: true }); // the arrow keys play on
  });
  box.addEventListener("keydown", (event) => {
    const action = { ArrowLeft: 0, ArrowUp: 1, ArrowRight: 2 }[event.key];
    if (action === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    act(action);
  });
  begin();
}
