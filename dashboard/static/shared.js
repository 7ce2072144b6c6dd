// Where a link to a document leads: what it carries is handed in, and the reader opens.
// It stays in this tab while somebody signs in, and in no address and no log.

const KEPT = "lectern.shared";
const SIGNED_OUT = 401;

function say(words) {
  document.querySelector("#said").textContent = words;
  document.querySelector("nav").hidden = false;
}

function takeToken() {
  const token = location.hash.slice(1) || sessionStorage.getItem(KEPT) || "";
  history.replaceState(null, "", location.pathname);
  sessionStorage.removeItem(KEPT);
  return token;
}

async function open(token) {
  const answer = await fetch("/api/shared", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.status === SIGNED_OUT) {
    sessionStorage.setItem(KEPT, token);
    location.replace(`/sign-in?next=${encodeURIComponent("/shared")}`);
    return;
  }
  const body = await answer.json();
  if (answer.ok) location.replace(`/listen?document=${body.document.id}`);
  else say(body.message);
}

const token = takeToken();
if (token) open(token).catch(() => say("Lectern did not answer. Open the link again in a moment."));
else say("This link is not whole. Copy all of it, or ask whoever sent it for a new one.");
