// A page of an administrator that comes from the browser's memory is shown to whoever is still signed in, as it was.

const CASE = /^\/oversee\/transfers\/[\w-]+(?=\/)/;

/** The page anew; for one that answered a form, the page that had the form. */
function leave() {
  const isAnswer = /\/oversee\/\w+\/[\w-]+\/./.test(location.pathname);
  if (isAnswer) location.replace(location.pathname.match(CASE)?.[0] ?? "/oversee");
  else location.reload();
}

async function check() {
  const { documentElement } = document;
  documentElement.hidden = true;
  try {
    const { ok } = await fetch("/oversee/session", { redirect: "manual", cache: "no-store" });
    if (ok) documentElement.hidden = false;
    else leave();
  } catch {
    leave();
  }
}

addEventListener("pageshow", (event) => {
  if (event.persisted) check();
});
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") check();
