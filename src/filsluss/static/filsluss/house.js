// What a page does by itself: after an error, the summary gets the focus, and its links lead into the field.

const summary = document.getElementById("summary");

function fieldOf(link) {
  const place = document.getElementById(link.hash.slice(1));
  const within = "input:not([type=hidden]), select, textarea";
  return place?.matches(within) ? place : place?.querySelector(within);
}

if (summary) {
  summary.focus();
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const field = link && fieldOf(link);
    if (!field) return;
    event.preventDefault();
    (field.closest(".field") ?? field).scrollIntoView();
    field.focus({ preventScroll: true });
  });
}
