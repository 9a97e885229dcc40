import { html, raw } from 'hono/html';
import type { Html } from '../pages/parts.ts';
import { one, type Given } from './act.ts';

/** A line of text; `more` says what it is for where the label does not. */
export function textField(
  given: Given,
  name: string,
  label: string,
  { more = '', initial = '', isNeeded = false }: { more?: string; initial?: string; isNeeded?: boolean } = {},
): Html {
  const value = one(given, name) || initial;
  return html`<label class="field"
    ><span>${label}${more === '' ? '' : html` <span class="soft">${more}</span>`}</span>
    <input
      name="${name}"
      value="${value}"
      autocapitalize="none"
      autocomplete="off"
      spellcheck="false"
      ${isNeeded ? raw('required') : ''}
    />
  </label>`;
}

/** Something to tick. */
export function tickField(given: Given, name: string, value: string, label: string | Html): Html {
  return html`<label class="tick"
    ><input
      type="checkbox"
      name="${name}"
      value="${value}"
      ${given(name).includes(value) ? raw('checked') : ''}
    />
    <span>${label}</span></label
  >`;
}

/** Why it is done, for the audit log. */
export function reasonField(given: Given, more = 'for the audit log'): Html {
  return textField(given, 'reason', 'Reason', { more });
}
