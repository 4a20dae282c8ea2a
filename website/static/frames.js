// Sliders over frames drawn ahead: each control has positions 0, 1, 2, ...; the last control counts fastest.
"use strict";

for (const box of document.querySelectorAll(".frames[data-rows]")) {
  const controls = [...box.querySelectorAll("input, select")];
  const sentences = JSON.parse(box.querySelector("script").textContent);
  const { columns, rows } = box.dataset;
  const sheet = box.querySelector("img");
  const words = box.querySelector("p");

  const move = () => {
    let frame = 0;
    for (const control of controls) {
      const menu = control.tagName === "SELECT";
      const place = menu ? control.selectedIndex : Number(control.value);
      frame = frame * (menu ? control.length : Number(control.max) + 1) + place;
      if (!menu) {
        const text = control.dataset.values.split(" ")[place];
        control.setAttribute("aria-valuetext", text);
        control.nextElementSibling.textContent = text;
      }
    }
    for (const label of box.querySelectorAll("[data-needs]")) {
      const [other, place] = label.dataset.needs.split(" ").map(Number);
      const now = controls[other].tagName === "SELECT" ? controls[other].selectedIndex : Number(controls[other].value);
      label.hidden = now !== place;
    }
    const right = (-100 * (frame % columns)) / columns;
    const down = (-100 * Math.floor(frame / columns)) / rows;
    sheet.style.transform = `translate(${right}%, ${down}%)`;
    words.textContent = sentences[frame];
  };
  controls.forEach((control) => control.addEventListener("input", move));
  if (controls.length) move(); // a browser may restore positions when a page is opened again
}
