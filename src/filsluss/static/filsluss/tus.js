// A tus 1.0.0 client over XMLHttpRequest, and the server's lists that the upload page reads.

const CHUNK_TYPE = "application/offset+octet-stream";
const IDLE_TIMEOUT = 60_000;
const MiB = 2 ** 20;
const chunk = { size: 64 * MiB, max: 128 * MiB };
const overridden = new Set();

/**
 * `action` is what the caller should do: "retry"; "fail", as retrying is no use; "forget" the upload, which the
 * server no longer has; or "stop" all uploads, as the account has ended. `retryAfter` is in milliseconds.
 */
export class UploadError extends Error {
  constructor(action, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(`${action} ${status || "no response"} ${code}`);
    Object.assign(this, { action, status, code, retryAfter });
  }
}

/** The caller's own signal aborted the request. */
export class UploadAborted extends Error {}

/** One request. A minute without progress counts as a lost connection. */
function request(method, url, { headers = {}, body, type = "", onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    let timer = 0;
    const restartTimer = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, IDLE_TIMEOUT);
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
    const allHeaders = { "Tus-Resumable": "1.0.0", ...override, ...headers };
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
  if (status === 413 && !isTusResponse(response)) return halveChunks() ? "retry" : "fail";
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

function metadata(file, withCode, choices) {
  const fields = { filename: file.name, lastmodified: file.lastModified, ...choices };
  if (file.type) fields.filetype = file.type;
  if (withCode) fields.with_code = 1;
  return Object.entries(fields).map(([key, value]) => `${key} ${base64(value)}`).join(",");
}

/** tus "creation": the URL of the new upload. Only the path of `Location` is used; no other host gets the bytes. */
export async function create(filesUrl, file, { withCode, choices, signal }) {
  const headers = { "Upload-Length": file.size, "Upload-Metadata": metadata(file, withCode, choices) };
  const response = await tusRequest("POST", filesUrl, { headers, signal });
  const location = response.getResponseHeader("Location");
  if (!location) throw new UploadError("retry", { status: response.status });
  return new URL(location, document.URL).pathname;
}

/** The offset by HEAD. The server ends a running PATCH of the same upload for it, so do not ask during one. */
export async function getOffset(url, signal) {
  return offsetIn(await tusRequest("HEAD", url, { signal }));
}

/** PATCHes the next chunk; the offset after it. */
export async function sendChunk(url, file, offset, { onProgress, signal }) {
  const body = file.slice(offset, offset + chunk.size);
  const startedAt = performance.now();
  const headers = { "Content-Type": CHUNK_TYPE, "Upload-Offset": offset };
  const response = await tusRequest("PATCH", url, { headers, body, onProgress, signal });
  adaptChunks(body.size, (performance.now() - startedAt) / 1000);
  return offsetIn(response);
}

function adaptChunks(bytes, seconds) {
  if (seconds > 60) chunk.size = Math.min(chunk.size, Math.max(4 * MiB, chunk.size / 2));
  else if (seconds < 5 && bytes === chunk.size) chunk.size = Math.min(chunk.size * 2, chunk.max);
}

/** A proxy refuses bodies of this size: half of it from now on. False when that would be too small. */
function halveChunks() {
  chunk.size = chunk.max = chunk.size / 2;
  return chunk.size >= MiB / 2;
}

/** tus "termination". */
export const terminate = (url) => tusRequest("DELETE", url);

/** The list of files at their URL, or the samples at that of an upload. */
export async function getJson(url, signal) {
  return JSON.parse(checked(await request("GET", url, { signal })).responseText);
}

/** Whether the bytes on the server are the beginning of this file: compares digests of their first and last part. */
export async function matchesUpload(file, url, offset, signal) {
  if (offset === 0) return true;
  const samples = await getJson(`${url}/samples`, signal);
  for (const sample of [samples.head, samples.tail]) {
    if ((await sha256(file.slice(sample.start, sample.end))) !== sample.sha256) return false;
  }
  return samples.offset <= file.size;
}

async function sha256(blob) {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** This page as the server renders it now; null if it cannot be had. */
export async function getPage() {
  const response = await request("GET", location.pathname + location.search, { type: "document" });
  return response.status === 200 ? response.response : null;
}
