// Steps through a film frame by frame: by buttons, or by the keys , and . while it has the focus. Without it the player is whole.
"use strict";

const USUAL = 30;

function step(film, frames) {
  film.pause();
  const one = 1 / (Number(film.dataset.fps) || USUAL);
  const last = Math.max(Math.round(film.duration / one) - 1, 0);
  const frame = Math.min(Math.max(Math.floor(film.currentTime / one + 0.001) + frames, 0), last);
  // To the middle of a frame: at its edge a browser may show the one before.
  film.currentTime = (frame + 0.5) * one;
  const told = film.closest(".film").querySelector("output");
  told.textContent = `Frame ${frame + 1} of ${last + 1}, ${(frame * one).toFixed(2)} s`;
}

function begin(film, frames) {
  if (Number.isFinite(film.duration)) return step(film, frames);
  // Not asked for yet: a page with many films loads none of them by itself.
  film.addEventListener("loadedmetadata", () => step(film, frames), { once: true });
  film.preload = "auto";
  film.load();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (button) begin(button.closest(".film").querySelector("video"), Number(button.dataset.step));
});

// Only while the film or one of its buttons has the focus: elsewhere these keys are a person's own.
document.addEventListener("keydown", (event) => {
  const frames = { ",": -1, ".": 1 }[event.key];
  const film = event.target.closest?.(".film")?.querySelector("video");
  if (!frames || !film || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  begin(film, frames);
});

// What steps is shown only where it works.
document.documentElement.classList.add("scripted");
