// Keeps an open page true: it is told that something has changed, asks for the same page again, and puts in place what differs.
// Without it every page can be read, and is renewed by the browser's own button.
'use strict';

const LEAST_MS = 500;
const TIMES_MS = 5000;

const body = document.body;
const serverAhead = Number(body.dataset.now) - Date.now() / 1000;

function spanText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.round(whole / 60)} min`;
  return whole < 172800 ? `${Math.round(whole / 3600)} h` : `${Math.round(whole / 86400)} d`;
}

function agoText(at) {
  const seconds = Date.now() / 1000 + serverAhead - at;
  if (Math.abs(seconds) < 1.5) return 'now';
  return seconds > 0 ? `${spanText(seconds)} ago` : `in ${spanText(-seconds)}`;
}

function renewTimes() {
  for (const time of document.querySelectorAll('time[data-at]')) {
    const text = agoText(Number(time.dataset.at));
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- what is said about the connection

function say(text) {
  const notice = document.getElementById('notice');
  notice.textContent = text;
  notice.hidden = text === '';
}

function sayLine(isLive) {
  const line = document.getElementById('line');
  if (line === null) return;
  line.classList.toggle('live', isLive);
  line.querySelector('use').setAttribute('href', isLive ? '#sign-on' : '#sign-off');
  document.getElementById('line-text').textContent = isLive ? 'live' : 'not live';
}

// ---- renewing

/** What each part was when the server sent it: the times in it are changed since. */
const sent = new Map();

/** A piece as the server meant it, whatever time has passed since. */
function stableText(piece) {
  const copy = piece.cloneNode(true);
  copy.classList.remove('new');
  for (const time of copy.querySelectorAll('time[data-at]')) time.textContent = '';
  return copy.outerHTML;
}

function noteAll() {
  for (const part of document.querySelectorAll('[data-live]')) sent.set(part.id, stableText(part));
}

/** Rows that are new are put in, those that are gone are taken out, and all others stay, so that nobody loses where he was. */
function renewRows(old, fresh) {
  const there = new Map([...old.children].map((row) => [row.dataset.key, row]));
  const wasEmpty = there.size === 0;
  let place = old.firstElementChild;
  for (const row of Array.from(fresh.children)) {
    const same = there.get(row.dataset.key);
    there.delete(row.dataset.key);
    if (same === undefined) {
      if (!wasEmpty) row.classList.add('new');
      old.insertBefore(row, place);
    } else {
      if (same !== place) old.insertBefore(same, place);
      else place = place.nextElementSibling;
      if (stableText(same) !== stableText(row) && !same.contains(document.activeElement)) {
        same.replaceChildren(...row.childNodes);
        same.className = row.className;
      }
    }
  }
  for (const row of there.values()) row.remove();
}

function renewPart(fresh) {
  const old = document.getElementById(fresh.id);
  const text = stableText(fresh);
  if (old === null || sent.get(fresh.id) === text) return;
  sent.set(fresh.id, text);
  if (fresh.dataset.live === 'rows') {
    renewRows(old, fresh);
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  // Somebody is typing there.
  if (focused !== null && focused.matches('input, textarea, select')) return;
  const focusedId = focused === null ? '' : focused.id;
  old.replaceWith(fresh);
  if (focusedId !== '') document.getElementById(focusedId)?.focus({ preventScroll: true });
}

let isAsking = false;
let isWanted = false;

async function renew() {
  isWanted = true;
  if (isAsking || document.hidden) return;
  isAsking = true;
  while (isWanted && !document.hidden) {
    isWanted = false;
    await renewOnce();
    await new Promise((resolve) => setTimeout(resolve, LEAST_MS));
  }
  isAsking = false;
}

async function renewOnce() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html', 'X-Renewal': 'yes' } });
    if (answer.status === 401) {
      say(
        'You are not logged in any more: open the page anew by a link of banshare-server web link --as NAME.',
      );
      return;
    }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (document.title !== page.title) {
      document.title = page.title;
      // For whoever hears the page in the place of seeing it.
      document.getElementById('announce').textContent = page.title;
    }
    for (const part of page.querySelectorAll('[data-live]')) renewPart(part);
    renewTimes();
  } catch {
    // The connection says so itself.
  }
}

function follow() {
  const source = new EventSource('/live');
  source.addEventListener('open', () => {
    say('');
    sayLine(true);
    renew();
  });
  source.addEventListener('changed', () => renew());
  source.addEventListener('error', () => {
    sayLine(false);
    if (source.readyState === EventSource.CLOSED) {
      say(
        'This page is not live any more. It tries again by itself; where you are logged out, open it by a new link.',
      );
      setTimeout(follow, TIMES_MS);
    } else {
      say(
        'The page cannot be reached: banshare-web has stopped, or the way to it is cut. It tries again by itself.',
      );
    }
  });
}

// ---- the way in

/** What stands behind the # of the address; nothing where it is malformed, as no link of ours is. */
function codeOfAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function enter() {
  const form = document.getElementById('enter');
  const code = codeOfAddress();
  if (form === null || code === '') return;
  // It is no secret any more once it was used, and should not stay in the history until then.
  history.replaceState(null, '', location.pathname);
  form.elements.namedItem('code').value = code;
  form.submit();
}

// ---- commands can be taken along

function addCopying() {
  document.addEventListener('click', (event) => {
    const code = event.target instanceof Element ? event.target.closest('code') : null;
    if (code === null || getSelection().toString() !== '') return;
    getSelection().selectAllChildren(code);
  });
}

noteAll();
addCopying();
enter();
setInterval(renewTimes, TIMES_MS);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && body.dataset.follows === 'yes') renew();
});
if (body.dataset.follows === 'yes') follow();
