// The upload page: proves that it can do better than the plain form, and only then takes its place.

import { Desk } from "./desk.js";
import { listOf } from "./tus.js";
import { learn } from "./words.js";

const SIMPLE = "filsluss simple upload";

const place = (id) => document.getElementById(id);

/** Whatever was pasted behind the link with it is left out. */
function filesAddress() {
  const [page] = location.pathname.match(/^.*?\/upload\/[\w-]+/) ?? [];
  return page && `${page}/files`;
}

function canUpload() {
  const hasTools = globalThis.XMLHttpRequest && globalThis.File?.prototype.slice && Blob.prototype.arrayBuffer;
  return hasTools && learn(place("upload-words"));
}

/** The choice lasts for this tab, where the browser lets us remember it. */
function remembered(isSimple) {
  try {
    if (isSimple !== undefined) sessionStorage.setItem(SIMPLE, isSimple ? "1" : "");
    return Boolean(sessionStorage.getItem(SIMPLE));
  } catch {
    return false;
  }
}

function show(desk, isSimple) {
  const simple = [place("plain-upload"), place("file"), document.querySelector('label[for="file"]'), place("full-offer")];
  for (const part of simple) if (part) part.hidden = !isSimple;
  for (const id of ["drop", "simple-offer"]) place(id).hidden = isSimple;
  desk.chooser.isOn = !isSimple;
}

function offerBoth(desk) {
  for (const [id, isSimple] of [["use-simple", true], ["use-full", false]]) {
    place(id).addEventListener("click", (event) => {
      event.preventDefault();
      remembered(isSimple);
      show(desk, isSimple);
      place(isSimple ? "file" : "choose").focus();
    });
  }
}

async function begin() {
  const files = filesAddress();
  if (!files || !canUpload()) return;
  await listOf(files);
  const desk = new Desk(place, files);
  const isPlainInUse = place("file").files.length > 0 || place("file-error");
  show(desk, remembered() || Boolean(isPlainInUse));
  offerBoth(desk);
  desk.list.refresh();
}

begin().catch(() => {
  // Something is missing, here or on the way: the plain form is there and stays.
});
