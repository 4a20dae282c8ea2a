// A film can be stopped: the last picture takes its place.
"use strict";

for (const film of document.querySelectorAll(".film")) {
  const [image, still] = [film.querySelector("img"), film.querySelector("source").srcset];
  const playing = image.src;
  const less = matchMedia("(prefers-reduced-motion: reduce)").matches;
  film.querySelector("source").remove();
  const button = document.createElement("button");
  button.type = "button";
  const show = (plays) => {
    image.src = plays ? playing : still;
    button.textContent = plays ? "Stop the film" : "Play the film";
  };
  button.addEventListener("click", () => show(image.src === still));
  show(!less);
  film.append(button);
}
