// Lets a post be dragged to another day of the calendar. It fills in the form that is there without it, and sends that.
"use strict";

const KIND = "application/x-reelwork-post";
const month = document.getElementById("month");

function make() {
  for (const details of month.querySelectorAll("details.move")) details.closest("li").draggable = true;
}

month.addEventListener("dragstart", (event) => {
  const form = event.target.closest?.("li[draggable]")?.querySelector("details.move form");
  if (!form) return;
  event.dataTransfer.setData(KIND, form.day.value);
  event.dataTransfer.effectAllowed = "move";
  month.dragged = form;
});

month.addEventListener("dragover", (event) => {
  if (event.dataTransfer.types.includes(KIND) && event.target.closest(".day")) event.preventDefault();
});

month.addEventListener("drop", (event) => {
  const day = event.target.closest(".day")?.querySelector("h2 time")?.dateTime;
  const form = month.dragged;
  if (!day || !form || !event.dataTransfer.types.includes(KIND)) return;
  event.preventDefault();
  // The hour stays. Whether it can still be moved, the server says.
  form.day.value = day;
  form.requestSubmit();
});

// The calendar is read again every few seconds.
new MutationObserver(make).observe(month, { childList: true, subtree: true });
make();
