// Sliders over frames drawn ahead: each control has positions 0, 1, 2, ...; the last control counts fastest.
"use strict";

for (const box of document.querySelectorAll(".frames.moves")) {
  const controls = [...box.querySelectorAll("input, select")];
  const { numbers, sentences } = JSON.parse(box.querySelector("script").textContent);
  const card = box.querySelector(".card");
  const { columns, rows } = card.dataset;
  const words = box.querySelector("p");
  const placeOf = (control) => (control.tagName === "SELECT" ? control.selectedIndex : Number(control.value));

  const move = () => {
    let combination = 0;
    for (const control of controls) {
      const menu = control.tagName === "SELECT";
      combination = combination * (menu ? control.length : Number(control.max) + 1) + placeOf(control);
      if (!menu) {
        const text = control.dataset.values.split(" ")[placeOf(control)];
        control.setAttribute("aria-valuetext", text);
        control.nextElementSibling.textContent = text;
      }
    }
    for (const label of box.querySelectorAll("[data-needs]")) {
      const [other, place] = label.dataset.needs.split(" ").map(Number);
      label.hidden = placeOf(controls[other]) !== place;
    }
    const frame = numbers[combination];
    for (const sheet of card.querySelectorAll("img")) {
      const across = (-100 * ((frame % columns) + Number(sheet.dataset.left))) / columns;
      const down = (-100 * (Math.floor(frame / columns) + Number(sheet.dataset.top))) / rows;
      sheet.style.transform = `translate(${across}%, ${down}%)`;
    }
    card.setAttribute("aria-label", sentences[frame]);
    words.textContent = sentences[frame];
  };
  const backToStart = (control) => {
    if (control.tagName === "SELECT") control.selectedIndex = [...control.options].findIndex((o) => o.defaultSelected);
    else control.value = control.defaultValue;
  };
  const alone = [...box.querySelectorAll("[data-alone] :is(input, select)")];
  for (const control of controls) {
    control.addEventListener("input", () => {
      if (alone.includes(control)) alone.filter((other) => other !== control).forEach(backToStart);
      move();
    });
  }
  move(); // a browser may restore positions when a page is opened again
}
