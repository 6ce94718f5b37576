// Looks every few seconds whether the page would say something else by now, and then loads it again. Without this script a
// page that waits for something refreshes itself.
"use strict";
const status = document.querySelector("[data-status]");
const look = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(status.dataset.status, { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== status.dataset.stamp) location.reload();
  } catch {
    // The network is just being changed: the next look will tell.
  }
};
if (status) setInterval(look, 3000);
