/**
 * Requests to Lectern's own routes, with failures as words.
 */

/** A request that did not succeed; `message` is shown to people unchanged. */
export class ApiError extends Error {
  constructor(message, { code = "unreachable", status = 0, body = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.body = body;
  }
}

const UNREACHABLE = "Lectern does not answer. Check the connection, then try again.";

/** Return the response, or throw an ApiError; an abort is thrown as it is. */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** Lead to the sign-in: the session has ended, and nothing here answers any more. */
function leave() {
  const here = location.pathname + location.search;
  location.replace(`/sign-in?ended=1&next=${encodeURIComponent(here)}`);
}

/** Return the ApiError that a refused response stands for. */
async function failure(response) {
  const body = await response.json().catch(() => null);
  if (response.status === 401 && body?.code === "signed_out") leave();
  const fallback =
    response.status >= 500
      ? "Lectern met an error of its own. Try again in a moment."
      : `Lectern refused the request (${response.status}).`;
  return new ApiError(body?.message ?? fallback, {
    code: body?.code ?? "http",
    status: response.status,
    body,
  });
}

/** GET JSON. */
export async function getJson(path, options = {}) {
  return (await request(path, options)).json();
}

/** GET bytes as a Blob. */
export async function getBlob(path, options = {}) {
  return (await request(path, options)).blob();
}

/** Send JSON; returns the answer's JSON, or null when it has none. */
export async function sendJson(method, path, payload, options = {}) {
  const response = await request(path, {
    method,
    headers: { "content-type": "application/json" },
    body: payload === undefined ? undefined : JSON.stringify(payload),
    ...options,
  });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** Return the address of a document's route. */
export function documentPath(id, rest, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value);
  const search = new URLSearchParams(wanted).toString();
  return `/api/documents/${encodeURIComponent(id)}/${rest}${search ? `?${search}` : ""}`;
}

/** Return a random id; `crypto.randomUUID` exists only on https and localhost. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
