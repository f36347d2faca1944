// Keeps a page up to date: reads it again every few seconds and puts in what has changed. Without it the page is whole.
"use strict";

const PAUSE = 3000;
const LONGEST_PAUSE = 60000;
let pause = PAUSE;

// What a person is at must not be taken away from under their hands, nor a film that plays.
function busy(part) {
  const at = document.activeElement;
  if ((at && at !== part && part.contains(at)) || part.querySelector("details[open]")) return true;
  return [...part.querySelectorAll("video")].some((film) => film.currentTime > 0 && !film.ended);
}

function put(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && !busy(part) && now.innerHTML !== part.innerHTML) part.innerHTML = now.innerHTML;
  }
  if (document.title !== fresh.title) document.title = fresh.title;
}

async function look() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    pause = PAUSE;
    lost.hidden = true;
  } catch {
    pause = Math.min(pause * 2, LONGEST_PAUSE);
    if (lost.hidden) {
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = "Reload";
      lost.replaceChildren(`Live updates lost. As of ${new Date().toLocaleTimeString()} · `, again);
      lost.hidden = false;
    }
  }
}

async function live() {
  for (;;) {
    await new Promise((done) => setTimeout(done, pause));
    if (document.visibilityState === "visible") await look();
  }
}

// On a phone the row of pages is wider than the screen.
document.querySelector(".bar [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
live();
