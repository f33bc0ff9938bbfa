// A tus 1.0.0 client over XMLHttpRequest, and the server's lists that the upload page reads.

const CHUNK_TYPE = "application/offset+octet-stream";
const IDLE_TIMEOUT = 60_000;
const MiB = 2 ** 20;
const MIN_LIMIT = 2 ** 14; // of a proxy's limits, one that cannot be worked with
/** Bytes of a piece: now, at most, and the size that broke last; `whole` pieces have gone through since. */
const chunk = { size: 64 * MiB, max: 128 * MiB, broken: Infinity, whole: 0 };
const MAX_ROWS = 200;
const overridden = new Set();

/**
 * `action` is what the caller should do: "retry"; "fail", as retrying is no use; "shrink" the body, which is too large
 * for a proxy; "forget" the upload, which the server no longer has; or "stop" all uploads, as the account has ended.
 * `retryAfter` is in milliseconds; `status` is 0 without a response.
 */
export class UploadError extends Error {
  constructor(action, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(`${action} ${status} ${code}`);
    Object.assign(this, { action, status, code, retryAfter });
  }
}

/** The caller's own signal aborted the request. */
export class UploadAborted extends Error {}

/**
 * One request. A minute without progress, times `patience`, counts as a lost connection, unless `isMoving()` says that
 * the bytes come through: what lies in the buffers of a slow line makes no progress events.
 */
function request(method, url, { headers = {}, body, type = "", onProgress, isMoving, patience = 1, signal } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    let timer = 0;
    const restartTimer = () => {
      clearTimeout(timer);
      timer = setTimeout(onSilence, IDLE_TIMEOUT * patience);
    };
    const onSilence = async () => {
      const silent = timer;
      const isAlive = await isMoving?.();
      if (silent !== timer || xhr.readyState === XMLHttpRequest.DONE) return;
      if (isAlive) restartTimer();
      else abort();
    };
    const fail = () => reject(signal?.aborted ? new UploadAborted() : new UploadError("retry"));
    if (signal?.aborted) return fail();
    xhr.open(method, url);
    xhr.responseType = type;
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (body) {
      xhr.upload.onprogress = (event) => {
        restartTimer();
        onProgress?.(event.loaded);
      };
    }
    xhr.onload = () => resolve(xhr);
    xhr.onerror = xhr.onabort = fail;
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort);
    restartTimer();
    xhr.send(body);
  });
}

/** A tus request. A method that a proxy rejects is sent as POST with X-HTTP-Method-Override from then on. */
async function tusRequest(method, url, { headers = {}, ...options } = {}) {
  for (;;) {
    const isOverridden = overridden.has(method);
    const override = isOverridden && { "X-HTTP-Method-Override": method };
    const allHeaders = { "Tus-Resumable": "1.0.0", "Content-Type": CHUNK_TYPE, ...override, ...headers };
    const response = await request(isOverridden ? "POST" : method, url, { headers: allHeaders, ...options });
    if (isOverridden || method === "POST" || !isMethodRejected(response)) return checked(response);
    overridden.add(method);
  }
}

const isTusResponse = (response) => response.getResponseHeader("Tus-Resumable") !== null;

function isMethodRejected(response) {
  const { status } = response;
  if (status === 405 || status === 501) return true;
  return status >= 400 && status < 500 && ![408, 413, 425, 429].includes(status) && !isTusResponse(response);
}

/** For a proxy that drops the connection at PATCH and answers nothing: switches the override on, or off again. */
export function toggleOverride(method) {
  if (!overridden.delete(method)) overridden.add(method);
}

function checked(response) {
  const { status } = response;
  if (status >= 200 && status < 300 && isTusResponse(response)) return response;
  const code = errorCode(response);
  throw new UploadError(actionFor(response, code), { status, code, retryAfter: retryAfter(response) });
}

function actionFor(response, code) {
  const { status } = response;
  if (code.startsWith("account_")) return "stop";
  if (status === 507) return "fail";
  if (status === 404 || status === 410) return "forget";
  if (status === 413 && !isTusResponse(response)) return "shrink";
  return status < 400 || status >= 500 || [408, 409, 423, 425, 429, 460].includes(status) ? "retry" : "fail";
}

function errorCode(response) {
  try {
    return String(JSON.parse(response.responseText).code ?? "");
  } catch {
    return "";
  }
}

function retryAfter(response) {
  const value = response.getResponseHeader("Retry-After");
  if (!value) return 0;
  const delay = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Math.max(0, delay || 0);
}

function offsetIn(response) {
  const value = response.getResponseHeader("Upload-Offset") ?? "";
  if (!/^\d+$/.test(value)) throw new UploadError("retry", { status: response.status });
  return Number(value);
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function metadata(file, { withCode, choices, folder }) {
  const fields = { filename: file.name, lastmodified: file.lastModified, ...choices };
  if (folder) fields.folder = folder;
  if (withCode) fields.with_code = 1;
  return Object.entries(fields).map(([key, value]) => `${key} ${base64(value)}`).join(",");
}

/**
 * tus "creation", with all of its bytes if they are given ("creation-with-upload"): the URL and the offset of the new
 * upload. Only the path of `Location` is used; no other host gets the bytes.
 */
export async function create(filesUrl, file, { body, signal, ...about }) {
  const headers = { "Upload-Length": file.size, "Upload-Metadata": metadata(file, about) };
  const post = (body) => tusRequest("POST", filesUrl, { headers, body, signal });
  const response = await post(body).catch((error) => {
    if (error.action !== "shrink" || !body) throw error;
    return post(); // the bytes follow in pieces
  });
  const location = response.getResponseHeader("Location");
  if (!location) throw new UploadError("retry");
  return { url: new URL(location, document.URL).pathname, offset: offsetIn(response) };
}

/** The offset by HEAD. The server ends a running PATCH of the same upload for it, so do not ask during one. */
export async function getOffset(url, signal) {
  return offsetIn(await tusRequest("HEAD", url, { signal }));
}

/**
 * PATCHes the first of `bytes`, which belong at `offset`; the offset after them. `onBody(size)` is told how many.
 * When a proxy refuses a body of that size, half of it is sent, at once and from then on.
 */
export async function sendChunk(url, bytes, offset, { onBody, ...options }) {
  for (;;) {
    const body = bytes.slice(0, chunk.size);
    const startedAt = performance.now();
    onBody(body.size);
    try {
      const response = await tusRequest("PATCH", url, { headers: { "Upload-Offset": offset }, body, ...options });
      adaptChunks(body.size, (performance.now() - startedAt) / 1000);
      return offsetIn(response);
    } catch (error) {
      if (error.action !== "shrink" || body.size < MIN_LIMIT) throw error;
      chunk.size = chunk.max = Math.min(chunk.max, Math.ceil(body.size / 2));
    }
  }
}

/** Grows after quick pieces; to a size that broke before only when many have gone through. */
function adaptChunks(bytes, seconds) {
  chunk.whole += 1;
  if (seconds > 60) chunk.size = Math.min(chunk.size, Math.max(4 * MiB, chunk.size / 2));
  if (seconds >= 5 || bytes < chunk.size) return;
  const isAllowed = chunk.size * 2 < chunk.broken || chunk.whole >= 8;
  if (isAllowed) chunk.size = Math.min(chunk.size * 2, chunk.max);
}

/** A body of that size broke, and the server got nothing of it: half of it from now on. False if it was small. */
export function shrinkChunks(bytes) {
  const size = Math.max(MiB, Math.ceil(bytes / 2));
  if (size >= bytes) return false;
  Object.assign(chunk, { size: Math.min(chunk.size, size), broken: bytes, whole: 0 });
  return true;
}

const givenUp = new Set();

/** Whether this page has asked the server to delete the upload, which its list may still have. */
export const isGivenUp = ({ id }) => givenUp.has(id);

/** tus "termination", tried three times. */
export async function terminate(url) {
  const id = url.split("/").pop();
  givenUp.add(id);
  for (const delay of [0, 2, 10]) {
    await new Promise((resolve) => setTimeout(resolve, delay * 1000));
    try {
      return await tusRequest("DELETE", url);
    } catch (error) {
      if (error.action !== "retry") return;
    }
  }
  givenUp.delete(id);
}

/** The list of files at their URL, or the samples at that of an upload. */
export async function getJson(url, signal) {
  return JSON.parse(checked(await request("GET", url, { signal })).responseText);
}

/** The list of files at `url`; of those that have not changed since its answer `at` maybe nothing. */
export const getChanges = (url, at) => getJson(at ? `${url}?after=${encodeURIComponent(at)}` : url);

/** How much of an upload is stored, from the list, which leaves a running PATCH alone. */
export async function getStored(filesUrl, id, signal) {
  const { files } = await getJson(filesUrl, signal);
  return files.find((entry) => entry.id === id)?.offset ?? 0;
}

/**
 * Whether the bytes on the server are the beginning of this file: compares digests of their first and last part and of
 * samples between them, which of more than 18 MiB are not all.
 */
export async function matchesUpload(file, url, offset, signal) {
  if (offset === 0) return true;
  const samples = await getJson(`${url}/samples`, signal);
  for (const sample of [samples.head, ...samples.between, samples.tail]) {
    if ((await sha256(file.slice(sample.start, sample.end))) !== sample.sha256) return false;
  }
  return samples.offset <= file.size;
}

async function sha256(blob) {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The page that a form leads to, as its button would send it. */
export async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  return (await request("POST", form.action, { body, type: "document" })).response;
}

/** This page as the server renders it now, with the rows of these files, if they are few; null if it cannot be had. */
export async function getPage(publicIds) {
  const query = new URLSearchParams(location.search);
  if (publicIds.length <= MAX_ROWS) query.set("rows", publicIds.join());
  const response = await request("GET", `${location.pathname}?${query}`, { type: "document" });
  return response.status === 200 ? response.response : null;
}
