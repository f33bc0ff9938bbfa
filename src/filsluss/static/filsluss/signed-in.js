// A page of an administrator that comes from the browser's memory is shown to whoever is still signed in, as it was.

const { home, session } = document.querySelector(".signed-in").dataset;

/** The page anew; for one that answered a form, the page that had the form. */
function leave() {
  const [area, id, act] = location.pathname.slice(home.length + 1).split("/");
  if (act) location.replace(area === "transfers" ? `${home}/${area}/${id}` : home);
  else location.reload();
}

async function check() {
  const { documentElement } = document;
  documentElement.hidden = true;
  try {
    const { ok } = await fetch(session, { redirect: "manual", cache: "no-store" });
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
