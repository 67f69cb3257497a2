// Operators: the token is typed in, kept for this tab, and sent to the operators' port only.

import { make, remember } from '../play/dom.js';

const TOKEN = 'framekeep.operator';
const ADDRESS = 'framekeep.operators-port';

/** Whether a token was typed in. */
export function signedIn() {
  return Boolean(remember('tab', TOKEN));
}

function address() {
  return remember('tab', ADDRESS) ?? `http://${location.hostname}:${Number(location.port || 80) + 1}`;
}

/** Asks the operators' port to do something. */
export async function operate(method, path, body) {
  const headers = { authorization: `Bearer ${remember('tab', TOKEN) ?? ''}` };
  if (body) headers['content-type'] = 'application/json';
  const how = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(8_000) };
  let reply;
  try {
    reply = await fetch(`${address()}/admin/v1/${path}`, how);
  } catch {
    throw new Error(`the operators' port does not answer at ${address()}; it listens on loopback only: open this page through a tunnel`);
  }
  const answer = await reply.json().catch(() => null);
  if (!reply.ok) throw Object.assign(new Error(answer?.detail ?? `status ${reply.status}`), { status: reply.status });
  return answer;
}

/** Shows who operates and what was done. */
export function showOperators(element) {
  const said = make('p', { class: 'hint', role: 'status' });
  const log = make('tbody');
  const token = make('input', { type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false', required: true });
  const port = make('input', { type: 'url', id: 'port', value: address(), required: true });
  const enter = async (event) => {
    event.preventDefault();
    remember('tab', TOKEN, token.value.trim() || remember('tab', TOKEN));
    remember('tab', ADDRESS, new URL(port.value).origin);
    token.value = '';
    await look();
  };
  const leave = () => {
    remember('tab', TOKEN, null);
    showNothing('Who is signed in sees it.');
    said.textContent = 'Signed out.';
    showDrain();
  };
  const out = make('button', { type: 'button', onclick: leave }, 'Sign out');
  const form = make('form', { class: 'sign', onsubmit: enter },
    make('label', {}, 'Token', token), make('label', {}, 'Operators’ port', port),
    make('p', { class: 'actions' }, make('button', { class: 'main' }, 'Sign in'), out));
  const grace = make('input', { type: 'number', min: 0, max: 86_400, value: 30, id: 'grace' });
  const drain = make('button', { onclick: async () => {
    if (!drain.dataset.sure) {
      drain.dataset.sure = 'yes';
      drain.textContent = 'Drain: the server stops. Sure?';
      setTimeout(() => { delete drain.dataset.sure; drain.textContent = 'Drain this node'; }, 4_000);
      return;
    }
    const error = await operate('POST', 'drain', { grace_s: Number(grace.value) }).then(() => null, (failed) => failed);
    said.textContent = error ? `Not done: ${error.message}` : 'The node lets nobody open rooms any more, and stops when no match runs.';
  } }, 'Drain this node');
  const showNothing = (why) => log.replaceChildren(make('tr', {}, make('td', { colspan: 5, class: 'hint' }, why)));
  const showDrain = () => {
    drain.disabled = out.disabled = !signedIn();
    drain.title = drain.disabled ? 'Only who is signed in may drain it' : '';
  };
  async function look() {
    try {
      const actions = await operate('GET', 'audit');
      said.textContent = 'Signed in for this tab. Nothing is kept when it is closed.';
      if (!actions.length) showNothing('Nothing yet.');
      else log.replaceChildren(...actions.map((action) => make('tr', {}, ...[new Date(action.unix_ms ?? action.at_unix_ms ?? 0).toLocaleString(),
        action.action, action.target, action.status, action.from ?? action.peer].map((text) => make('td', {}, String(text ?? ''))))));
    } catch (error) {
      remember('tab', TOKEN, null);
      said.textContent = `Not signed in: ${error.message}`;
    }
    showDrain();
  }
  element.replaceChildren(make('h1', {}, 'Operators'),
    make('p', { class: 'hint' }, 'The token is in ', make('code', {}, 'admin.token'), ' of the data folder, or where the server was told. It is sent to the operators’ port and nowhere else.'),
    form, said,
    make('h2', {}, 'Drain'), make('p', { class: 'actions' }, make('label', { class: 'inline' }, 'Grace, s ', grace), drain),
    make('h2', {}, 'What operators did'),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, make('tr', {}, ...['When', 'What', 'To', 'Status', 'From'].map((title) => make('th', { scope: 'col' }, title)))), log)));
  showDrain();
  showNothing('Who is signed in sees it.');
  if (signedIn()) look();
  return () => {};
}
