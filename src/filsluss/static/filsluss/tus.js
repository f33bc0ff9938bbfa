// The wire: tus 1.0.0 over XMLHttpRequest, and what each answer means for what comes next.

const BODY = "application/offset+octet-stream";
const SILENCE = 60_000;
const MiB = 2 ** 20;
const pace = { piece: 64 * MiB, most: 128 * MiB };
const detoured = new Set();

/** `fate` says what to do: try again, give up (final), the upload is gone, or the account is over. */
export class Trouble extends Error {
  constructor(fate, { status = 0, code = "", pause = 0 } = {}) {
    super([fate, status || "no answer", code].filter(Boolean).join(" "));
    Object.assign(this, { fate, status, code, pause });
  }
}

/** We ended the request ourselves. */
export class Stopped extends Error {}

/** One request; a silence of a minute counts as a broken connection. */
export function send(method, address, { headers = {}, body = null, type = "", onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let watch = 0;
    const wait = () => {
      clearTimeout(watch);
      watch = setTimeout(stop, SILENCE);
    };
    const fail = () => reject(signal?.aborted ? new Stopped() : new Trouble("again"));
    if (signal?.aborted) return fail();
    request.open(method, address);
    request.responseType = type;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (body) {
      request.upload.onprogress = (event) => {
        wait();
        onProgress?.(event.loaded);
      };
    }
    request.onload = () => resolve(request);
    request.onerror = request.onabort = fail;
    request.onloadend = () => {
      clearTimeout(watch);
      signal?.removeEventListener("abort", stop);
    };
    signal?.addEventListener("abort", stop);
    wait();
    request.send(body);
  });
}

/** A tus request. A method that something on the way turns back goes as a POST that names it. */
async function speak(method, address, { headers = {}, ...rest } = {}) {
  for (;;) {
    const isDetour = detoured.has(method);
    const named = isDetour ? { "X-HTTP-Method-Override": method } : {};
    const told = { "Tus-Resumable": "1.0.0", ...named, ...headers };
    const answer = await send(isDetour ? "POST" : method, address, { headers: told, ...rest });
    if (isDetour || method === "POST" || !isTurnedBack(answer)) return understood(answer);
    detoured.add(method);
  }
}

const isOurs = (answer) => answer.getResponseHeader("Tus-Resumable") !== null;

function isTurnedBack(answer) {
  const { status } = answer;
  if (status === 405 || status === 501) return true;
  return status >= 400 && status < 500 && ![408, 413, 425, 429].includes(status) && !isOurs(answer);
}

/** For a proxy that cuts PATCH without a word: the other way, whichever that is. */
export function changeWay(method) {
  if (!detoured.delete(method)) detoured.add(method);
}

function understood(answer) {
  const { status } = answer;
  if (status >= 200 && status < 300 && isOurs(answer)) return answer;
  throw new Trouble(fateOf(answer), { status, code: codeOf(answer), pause: pauseOf(answer) });
}

function fateOf(answer) {
  const { status } = answer;
  const code = codeOf(answer);
  if (code.startsWith("account_")) return "over";
  if (status === 507) return "final";
  if (status === 404 || status === 410) return "gone";
  if (status === 413 && !isOurs(answer)) return smallestYet() ? "again" : "final";
  return status < 400 || status >= 500 || [408, 409, 423, 425, 429, 460].includes(status) ? "again" : "final";
}

function codeOf(answer) {
  try {
    return String(JSON.parse(answer.responseText).code ?? "");
  } catch {
    return "";
  }
}

function pauseOf(answer) {
  const text = answer.getResponseHeader("Retry-After");
  if (!text) return 0;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Math.max(0, wait || 0);
}

function numberIn(answer, name) {
  const text = answer.getResponseHeader(name) ?? "";
  if (!/^\d+$/.test(text)) throw new Trouble("again", { status: answer.status });
  return Number(text);
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function metadata(file, withCode) {
  const pairs = [["filename", file.name], ["lastmodified", String(file.lastModified)]];
  if (file.type) pairs.push(["filetype", file.type]);
  if (withCode) pairs.push(["with_code", "1"]);
  return pairs.map(([key, value]) => `${key} ${base64(value)}`).join(",");
}

/** Announces a file; its address from then on. Only the path of `Location` is ours to follow. */
export async function create(files, file, { withCode, signal }) {
  const headers = { "Upload-Length": String(file.size), "Upload-Metadata": metadata(file, withCode) };
  const answer = await speak("POST", files, { headers, signal });
  const location = answer.getResponseHeader("Location");
  if (!location) throw new Trouble("again", { status: answer.status });
  return new URL(location, window.location.href).pathname;
}

/** The true offset. Asking ends a running PATCH of the same upload, so it is never asked during one. */
export async function offsetOf(address, signal) {
  return numberIn(await speak("HEAD", address, { signal }), "Upload-Offset");
}

/** Sends the next piece; the offset after it. */
export async function append(address, file, offset, { onProgress, signal }) {
  const piece = file.slice(offset, offset + pace.piece);
  const began = performance.now();
  const headers = { "Content-Type": BODY, "Upload-Offset": String(offset) };
  const answer = await speak("PATCH", address, { headers, body: piece, onProgress, signal });
  adjust(piece.size, (performance.now() - began) / 1000);
  return numberIn(answer, "Upload-Offset");
}

function adjust(sent, took) {
  if (took > 60) pace.piece = Math.min(pace.piece, Math.max(4 * MiB, pace.piece / 2));
  else if (took < 5 && sent === pace.piece) pace.piece = Math.min(pace.piece * 2, pace.most);
}

/** Something on the way takes no bodies of that size: half of it, for good; false when that is too little. */
function smallestYet() {
  pace.piece = pace.most = pace.piece / 2;
  return pace.piece >= MiB / 2;
}

export const withdraw = (address) => speak("DELETE", address);

export async function listOf(files, signal) {
  return JSON.parse(understood(await send("GET", files, { signal })).responseText);
}

export async function samplesOf(address, signal) {
  return JSON.parse(understood(await send("GET", `${address}/samples`, { signal })).responseText);
}

/** The page itself once more, as the server words it now; null if it cannot be had. */
export async function pageAgain() {
  const answer = await send("GET", location.pathname + location.search, { type: "document" });
  return answer.status === 200 ? answer.response : null;
}
