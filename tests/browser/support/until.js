/** Waits until `probe` gives something true, and gives that. Patience is for a busy machine: it is never part of what is tested. */
export async function until(what, probe, patience = 30_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${patience / 1000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
