// After a failed form: the error summary gets the focus, and its links lead into the fields.

const summary = document.getElementById("summary");

function fieldOf(link) {
  const target = document.getElementById(link.hash.slice(1));
  const fields = "input:not([type=hidden]), select, textarea";
  return target?.matches(fields) ? target : target?.querySelector(fields);
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
