// Keeps an open page true: it is sent what has moved in the view that it shows, and puts that in place.
// Without it every page can be read, and is renewed by the browser's own button.
'use strict';

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

/** The version of what is shown, by which the server knows what has moved since. */
let version = body.dataset.version;

/** An element of a text that this page's own server has made, in which everything that others wrote is escaped. */
function elementOf(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** A piece as the server meant it, whatever time has passed since. */
function stableText(piece) {
  const copy = piece.cloneNode(true);
  copy.classList.remove('new');
  for (const time of copy.querySelectorAll('time[data-at]')) time.textContent = '';
  return copy.outerHTML;
}

/** Rows that are new are put in, those that are gone are taken out, and all others stay, so that nobody loses where he was. */
function renewRows({ id, keys, rows }) {
  const list = document.getElementById(id);
  if (list === null) return;
  const there = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const fresh = new Map(rows.map(elementOf).map((row) => [row.dataset.key, row]));
  const wasEmpty = there.size === 0;
  let place = list.firstElementChild;
  for (const key of keys) {
    const same = there.get(key);
    const row = fresh.get(key);
    there.delete(key);
    if (same === undefined) {
      if (row === undefined) continue;
      if (!wasEmpty) row.classList.add('new');
      list.insertBefore(row, place);
      continue;
    }
    if (same === place) place = place.nextElementSibling;
    else list.insertBefore(same, place);
    if (row !== undefined && !same.contains(document.activeElement) && stableText(same) !== stableText(row)) {
      same.replaceChildren(...row.childNodes);
      same.className = row.className;
    }
  }
  for (const row of there.values()) row.remove();
}

function renewPiece({ id, html }) {
  const old = document.getElementById(id);
  const fresh = elementOf(html);
  if (old === null || fresh === null || stableText(old) === stableText(fresh)) return;
  const focusedId = old.contains(document.activeElement) ? document.activeElement.id : '';
  old.replaceWith(fresh);
  if (focusedId !== '') document.getElementById(focusedId)?.focus({ preventScroll: true });
}

/** What waits until nobody types in what it replaces. */
let waiting;

/** A view has other parts than before: all of it is put in place, but not under the hands of who types. */
function renewInside({ inside, html }) {
  const main = document.getElementById(inside);
  const { activeElement } = document;
  if (main.contains(activeElement) && activeElement.matches('input, textarea, select')) {
    waiting = { inside, html };
    return;
  }
  waiting = undefined;
  main.innerHTML = html;
}

function sayAsOf(at) {
  const time = document.getElementById('as-of');
  const iso = new Date(at * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  time.dateTime = iso;
  time.textContent = iso.replace('T', ' ').replace('Z', ' UTC');
}

function take({ title, at, moved }) {
  const whole = `${title} · banshare`;
  if (title !== '' && document.title !== whole) {
    document.title = whole;
    // For whoever hears the page in the place of seeing it.
    document.getElementById('announce').textContent = whole;
  }
  for (const each of moved) {
    if (each.inside !== undefined) renewInside(each);
    else if (each.keys !== undefined) renewRows(each);
    else renewPiece(each);
  }
  sayAsOf(at);
  renewTimes();
}

function follow() {
  const query = new URLSearchParams({ view: location.pathname + location.search, had: version });
  const source = new EventSource(`/live?${query}`);
  source.addEventListener('open', () => {
    say('');
    sayLine(true);
  });
  source.addEventListener('moved', (event) => {
    version = event.lastEventId;
    take(JSON.parse(event.data));
  });
  source.addEventListener('beat', (event) => sayAsOf(Number(event.data)));
  source.addEventListener('error', () => {
    sayLine(false);
    if (source.readyState === EventSource.CLOSED) {
      say(
        'This page is not live any more. It tries again by itself; where you are logged out, open it by a new link of banshare-server web link --as NAME.',
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

// On a phone the menu is wider than the screen.
document.querySelector('.top nav a[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
addCopying();
enter();
setInterval(renewTimes, TIMES_MS);
document.addEventListener('focusout', () => {
  if (waiting !== undefined) setTimeout(() => waiting !== undefined && renewInside(waiting));
});
if (body.dataset.follows === 'yes') follow();
