// Entry point of the upload page: replaces the plain form if all that the script needs is there.

import { loadMessages } from "./format.js";
import { getJson } from "./tus.js";

const STORAGE_KEY = "filsluss simple upload";

const byId = (id) => document.getElementById(id);

/** Reads the user's choice of form, or stores it for this tab; some browsers forbid that. */
function preferSimple(isSimple) {
  try {
    if (isSimple !== undefined) sessionStorage.setItem(STORAGE_KEY, isSimple ? "1" : "");
    return Boolean(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return false;
  }
}

function showForm(queue, isSimple) {
  for (const element of document.querySelectorAll("[data-form]")) {
    element.hidden = (element.dataset.form === "simple") !== isSimple;
  }
  queue.picker.enable(!isSimple);
}

function addSwitches(queue) {
  for (const [id, isSimple] of [["use-simple", true], ["use-full", false]]) {
    byId(id).addEventListener("click", (event) => {
      event.preventDefault();
      preferSimple(isSimple);
      showForm(queue, isSimple);
      byId(isSimple ? "file" : "choose").focus();
    });
  }
}

async function start() {
  loadMessages(byId("upload-messages"));
  const [page] = location.pathname.match(/^\/[a-z]+\/[\w-]+/); // without what was pasted after the link
  const filesUrl = `${page}/files`;
  // The list is requested while the other modules are still loading.
  const [{ UploadQueue }] = await Promise.all([import("./upload-queue.js"), getJson(filesUrl)]);
  const queue = new UploadQueue(byId, filesUrl);
  const isFormInUse = byId("file").files.length > 0 || byId("file-error") !== null;
  showForm(queue, preferSimple() || isFormInUse);
  addSwitches(queue);
  queue.list.refresh();
}

start().catch(() => {
  // The server did not answer, or the browser lacks something: the plain form stays.
});
